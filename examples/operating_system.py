"""A descriptor that C code leaks is in no record; the operating system has it all the same. Needs lifetrack[os].

Run it:  python examples/operating_system.py
"""

import ctypes
import os
import socket

import lifetrack

libc = ctypes.CDLL(None)
lifetrack.start(watch="stdlib", policy="record")

with lifetrack.scope("import job", witness=True):
    libc.open(os.fsencode(__file__), os.O_RDONLY)  # LT501: nothing of Python's has seen it
    connection, other = socket.socketpair()
    number = libc.dup(connection.fileno())
    connection.close()  # LT504: closed, says the record; but the duplicate keeps it open
    other.close()
