"""A resource is released in another thread than its own."""

import threading

import lifetrack


@lifetrack.tracked(thread_bound=True)
class Window:
    def close(self):
        pass


def leave(window):
    window.close()


window = Window()
thread = threading.Thread(target=leave, args=(window,), name="worker")
thread.start()
thread.join()
