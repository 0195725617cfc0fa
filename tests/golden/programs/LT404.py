"""A thread ends without giving back its lock."""
# watch: locks

import threading

lock = threading.Lock()


def audit():
    lock.acquire()


thread = threading.Thread(target=audit, name="audit")
thread.start()
thread.join()
