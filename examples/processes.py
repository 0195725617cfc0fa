"""What the workers of a pool leak stands in the one report, with the process named.

Run it:  python examples/processes.py          (or without the two lines of lifetrack: lifetrack run --children ...)
"""

import multiprocessing
import os

import lifetrack

KEPT = []


def convert(number):
    KEPT.append(open(os.devnull))  # the worker keeps it, and never closes it
    return number * 2


if __name__ == "__main__":
    lifetrack.start(watch="stdlib", children=True)
    worker = multiprocessing.get_context("fork").Process(target=convert, args=(1,), name="converter")
    worker.start()
    worker.join()
    if os.fork() == 0:
        os._exit(1)  # runs no exit hook: the parent can only say that it was lost
    os.wait()
