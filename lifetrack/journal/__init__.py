"""The journal: every event in a bounded file through a shared memory map, so that it outlives the process."""
