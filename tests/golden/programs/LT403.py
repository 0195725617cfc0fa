"""Two locks are taken in both orders."""
# watch: locks

import threading

first = threading.Lock()
second = threading.Lock()


def forth():
    with first:
        with second:
            pass


def back():
    with second:
        with first:
            pass


for work in (forth, back):
    thread = threading.Thread(target=work, name=work.__name__)
    thread.start()
    thread.join()
