"""Specimens of executors, and of what ``multiprocessing`` makes."""

from __future__ import annotations

#: The start method that is quickest, where there is a choice.
_CONTEXT = """
import multiprocessing
known = multiprocessing.get_all_start_methods()
context = multiprocessing.get_context("fork" if "fork" in known else None)
"""

WORKERS: dict[tuple[str, str], str] = {
    ("concurrent.futures.thread", "ThreadPoolExecutor"): """
from concurrent.futures import ThreadPoolExecutor
resource = ThreadPoolExecutor(1)  # leak
# release
resource.shutdown()
""",
    ("concurrent.futures.process", "ProcessPoolExecutor"): """
from concurrent.futures import ProcessPoolExecutor
resource = ProcessPoolExecutor(1)  # leak
# release
resource.shutdown()
""",
    ("multiprocessing.process", "BaseProcess"): f"""{_CONTEXT}
resource = context.Process(target=int)
resource.start()  # leak
# release
resource.join()
""",
    ("multiprocessing.pool", "Pool"): f"""{_CONTEXT}
resource = context.Pool(1)  # leak
# release
resource.close()
resource.join()
""",
    ("multiprocessing.managers", "BaseManager"): f"""{_CONTEXT}
from multiprocessing.managers import SyncManager
resource = SyncManager(ctx=context)
resource.start()  # leak
# release
resource.shutdown()
""",
    ("multiprocessing.shared_memory", "SharedMemory"): """
from multiprocessing.shared_memory import SharedMemory
resource = SharedMemory(create=True, size=16)  # leak
# release
resource.close()
resource.unlink()
""",
    ("multiprocessing.connection", "_ConnectionBase"): """
import multiprocessing
resource, other = multiprocessing.Pipe(duplex=False)  # leak
# release
resource.close()
other.close()
""",
}
