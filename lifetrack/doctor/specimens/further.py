"""Specimens of libraries of files, figures, messages and workers."""

from __future__ import annotations

_CALLS = """
import grpc
from concurrent.futures import ThreadPoolExecutor
"""
_AIO = """
import asyncio
import grpc.aio
loop = asyncio.SelectorEventLoop()
asyncio.set_event_loop(loop)
"""
_END = "asyncio.set_event_loop(None)\nloop.close()\n"


def _loky(module: str) -> str:
    return f"""
from {module} import ProcessPoolExecutor
resource = ProcessPoolExecutor(1)  # leak
# release
resource.shutdown()
"""


_SSH = "untried('it needs a server of SSH')  # leak\n"

FURTHER: dict[tuple[str, str], str] = {
    ("h5py._hl.files", "File"): """
import h5py
resource = h5py.File(path, "w")  # leak
# release
resource.close()
""",
    ("PIL.Image", "Image"): """
import PIL.Image
PIL.Image.new("RGB", (2, 2)).save(path, "PNG")
resource = PIL.Image.open(path)  # leak
# release
resource.close()
""",
    ("PIL.ImageFile", "ImageFile"): "untried('it is tried as an Image')  # leak\n",
    ("matplotlib.pyplot", "Figure"): """
import matplotlib
matplotlib.use("Agg")
from matplotlib import pyplot
resource = pyplot.figure()  # leak
# release
pyplot.close(resource)
""",
    ("joblib.externals.loky.process_executor", "ProcessPoolExecutor"): _loky("joblib.externals.loky.process_executor"),
    ("loky.process_executor", "ProcessPoolExecutor"): _loky("loky.process_executor"),
    ("zmq.sugar.context", "Context"): """
import zmq
resource = zmq.Context()  # leak
# release
resource.term()
""",
    ("zmq.sugar.socket", "Socket"): """
import zmq
context = zmq.Context()
resource = context.socket(zmq.PAIR)  # leak
# release
resource.close()
context.term()
""",
    ("paramiko.transport", "Transport"): _SSH,
    ("paramiko.client", "SSHClient"): _SSH,
    ("paramiko.channel", "Channel"): _SSH,
    ("paramiko.sftp_client", "SFTPClient"): _SSH,
    ("grpc._channel", "Channel"): f"""{_CALLS}
resource = grpc.insecure_channel("127.0.0.1:1")  # leak
# release
resource.close()
""",
    ("grpc._server", "_Server"): f"""{_CALLS}
resource = grpc.server(ThreadPoolExecutor(1))
resource.start()  # leak
# release
resource.stop(None).wait()
""",
    ("grpc.aio._channel", "Channel"): f"""{_AIO}
async def begin():
    return grpc.aio.insecure_channel("127.0.0.1:1")  # leak

resource = loop.run_until_complete(begin())
# release
loop.run_until_complete(resource.close())
{_END}""",
    ("grpc.aio._server", "Server"): f"""{_AIO}
async def begin():
    server = grpc.aio.server()
    await server.start()  # leak
    return server

resource = loop.run_until_complete(begin())
# release
loop.run_until_complete(resource.stop(None))
{_END}""",
}
