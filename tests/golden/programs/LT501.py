"""C code opens a file and nobody closes it."""
# watch: stdlib
# needs: /proc/self/fd

import ctypes
import os

import lifetrack

libc = ctypes.CDLL(None)
with lifetrack.scope("job", witness=True):
    descriptor = libc.open(os.fsencode(os.devnull), os.O_RDONLY)


def tidy():
    os.close(descriptor)
