"""A socket is closed, and a duplicate keeps the connection open."""
# watch: stdlib
# needs: /proc/self/fd

import ctypes
import os
import socket

import lifetrack

libc = ctypes.CDLL(None)
with lifetrack.scope("job", witness=True):
    near, far = socket.socketpair()
    number = libc.dup(near.fileno())
    near.close()
    far.close()


def tidy():
    os.close(number)
