"""Child processes: each writes a report of its own, and the process that began merges them into one."""
