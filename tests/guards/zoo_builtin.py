"""Subclasses of built-ins and of types written in C."""

from __future__ import annotations

import array
import collections
import ctypes
import datetime
import io
import os
import pathlib
import queue
import socket
import sqlite3
import sys
import threading

from tests.guards.zoo import BODY, CALLS, specimen


def _builtin(name, base, *arguments, **marks):
    """Add a subclass of a built-in that has no duty of its own."""

    def declare(tracked):
        @tracked
        class Special(base):
            name = "specimen"
            _, use, close, size = BODY

        return Special

    declare.__name__ = name
    specimen(*arguments, **marks)(declare)


_builtin("dict_subclass", dict, {"a": 1})
_builtin("list_subclass", list, [1, 2])
_builtin("int_subclass", int, 7)
_builtin("float_subclass", float, 7.5)
_builtin("str_subclass", str, "text")
_builtin("tuple_subclass", tuple, (1, 2))
_builtin("set_subclass", set, {1})
_builtin("frozenset_subclass", frozenset, {1})
_builtin("bytes_subclass", bytes, b"data")
_builtin("bytearray_subclass", bytearray, b"data")
_builtin("exception_subclass", Exception, "text")
_builtin("os_error_subclass", OSError, 2, "text")
_builtin("deque_subclass", collections.deque, [1])
_builtin("ordered_dict_subclass", collections.OrderedDict)
_builtin("array_subclass", array.array, "i", [1])
_builtin("date_subclass", datetime.date, 2024, 1, 1)
_builtin("queue_subclass", queue.Queue)
_builtin("type_subclass_object", object)
_builtin("simple_queue_subclass", queue.SimpleQueue)
_builtin("path_subclass", type(pathlib.Path()), "name")


def _resource(name, base, *arguments, **marks):
    """Add a subclass of a type with a duty of its own: its ``close`` ends in that of the base."""

    def declare(tracked):
        @tracked
        class Special(base):
            _, use, _, size = BODY

            def close(self):
                CALLS.append("close")
                super().close()
                return "closed"

        return Special

    declare.__name__ = name
    specimen(*arguments, named=False, **marks)(declare)


_resource("sqlite_connection", sqlite3.Connection, ":memory:", cyclic=True)
_resource("socket_subclass", socket.socket)
_resource("raw_file", io.FileIO, os.devnull, "r")
_resource("text_buffer", io.StringIO, "text")
_resource("bytes_buffer", io.BytesIO, b"data")


@specimen(named=False, unguarded="" if sys.version_info >= (3, 13) else "ctypes makes its classes in its own way only")
def ctypes_structure(tracked):
    @tracked
    class Native(ctypes.Structure):
        _fields_ = (("handle", ctypes.c_int),)
        _, use, close, size = BODY

    return Native


@specimen()
def thread_subclass(tracked):
    @tracked
    class Worker(threading.Thread):
        _, use, close, size = BODY

        def __init__(self):
            super().__init__(name="specimen")

    return Worker
