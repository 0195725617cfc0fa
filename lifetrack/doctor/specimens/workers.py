"""Specimens of executors, of what ``multiprocessing`` makes, and of torch's loaders."""

from __future__ import annotations

#: The start method that is quickest, where there is a choice.
_CONTEXT = """
import multiprocessing
known = multiprocessing.get_all_start_methods()
context = multiprocessing.get_context("fork" if "fork" in known else None)
"""
_TORCH = "from torch.utils.data import DataLoader"

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
    ("torch.utils.data.dataloader", "DataLoader"): f"""{_TORCH}
resource = DataLoader([1, 2], num_workers=1, persistent_workers=True)  # leak
next(iter(resource))
# release
del resource
""",
    ("torch.utils.data.dataloader", "_MultiProcessingDataLoaderIter"): f"""{_TORCH}
loader = DataLoader([1, 2], num_workers=1)
resource = iter(loader)  # leak
# release
list(resource)
""",
}
