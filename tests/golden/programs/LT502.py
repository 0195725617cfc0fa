"""A thread goes on when the scope is over."""
# needs: /proc/self/fd

import _thread

import lifetrack

gate, done = _thread.allocate_lock(), _thread.allocate_lock()
gate.acquire()
done.acquire()


def wait():
    gate.acquire()
    done.release()


with lifetrack.scope("job", witness=True):
    _thread.start_new_thread(wait, ())


def tidy():
    gate.release()
    done.acquire()
