"""What is tried beside the rows: classes of one's own, misuses, and the operating system as witness."""

from __future__ import annotations

from typing import Any

_CLASS = """
import lifetrack

@lifetrack.tracked
class Specimen:
    def use(self):
        pass

    def close(self):
        pass
"""

#: The arguments of a :class:`lifetrack.doctor.trials.Trial` each.
BEYOND: tuple[dict[str, Any], ...] = (
    {
        "group": "declared", "name": "a class of one's own, live at the end of its scope", "rule": "LT103",
        "text": f"{_CLASS}\nresource = Specimen()  # leak\n# release\nresource.close()\n",
    },
    {
        "group": "declared", "name": "a class of one's own, dropped", "rule": "LT102",
        "text": f"{_CLASS}\nresource = Specimen()  # leak\ndel resource\nimport gc\ngc.collect()\n",
    },
    {
        "group": "guards", "name": "use after release", "rule": "LT201",
        "text": f"{_CLASS}\nresource = Specimen()\nresource.close()\nresource.use()  # leak\n",
    },
    {
        "group": "guards", "name": "double release", "rule": "LT202",
        "text": f"{_CLASS}\nresource = Specimen()\nresource.close()\nresource.close()  # leak\n",
    },
    {
        "group": "witness", "name": "a descriptor that C code leaks", "rule": "LT501", "witness": True,
        "text": """
import ctypes
import os
library = ctypes.CDLL(None)
number = library.dup(2)
if number < 0:
    untried("the C library has no dup()")
# release
library.close(number)
""",
    },
    {
        "group": "witness", "name": "a closed socket that a duplicate keeps open", "rule": "LT504", "witness": True,
        "text": """
import ctypes
import socket
library = ctypes.CDLL(None)
resource = socket.socket()  # leak
number = library.dup(resource.fileno())
resource.close()
# release
library.close(number)
""",
    },
    {
        "group": "witness", "name": "a child process that no record is about", "rule": "LT503", "witness": True,
        "text": """
import os
if not hasattr(os, "fork"):
    untried("this system has no fork()")
number = os.fork()  # leak
if number == 0:
    os._exit(0)
# release
os.waitpid(number, 0)
""",
    },
)  # fmt: skip
