"""Two hundred threads at once: nothing is lost, released twice or left half done, and nobody waits for ever."""

from __future__ import annotations

import pytest

PROGRAM = """
import random, threading, time
from tls_host import TlsBackend

sys.setswitchinterval(1e-5)
if TRACKED:
    lifetrack.start(policy="raise", report=False)
made, wrong, lock = [], [], threading.Lock()

class Own(TlsBackend):
    api_version = 2
    def __init__(self, name):
        self.name, self.closes = name, 0
        with lock: made.append(self)
    def close(self):
        with lock: self.closes += 1

backends = BackendCollection("tls", kind=TlsBackend, groups=GROUP, api_version="2.3")
start, end = threading.Barrier(200), time.monotonic() + 1.5
removed, populated, ending = [], [], []

def work(number):
    dice = random.Random(number)
    start.wait()
    # Longer where the machine is so busy that little would have happened.
    while time.monotonic() < end or (len(made) <= 1000 and time.monotonic() < end + 20):
        name = f"own{dice.randrange(20)}"
        try:
            match dice.randrange(8):
                case 0 | 1: backends.add(Own(name))
                case 2:
                    backend = backends.remove(name)
                    with lock: removed.append(backend)
                case 3: populated.append(backends.populate().added)
                case 4:
                    with backends.borrowed(name) as backend:
                        # the cleanup releases what is lent, too
                        if backend.closes and not ending: wrong.append("borrowed a released backend")
                case 5: backends.replace(name, Own(name))
                case 6: backends.names(), len(backends), list(backends), backends.get(name)
                case 7: backends.require("certificates")
        except BackendError as error:
            pass
        except BaseException as error:
            wrong.append(f"{type(error).__name__}: {error}" + __import__("traceback").format_exc())
    ending.append(number)
    try:
        if number % 4 == 0 and not backends.cleanup().complete: wrong.append("incomplete")
    except* lifetrack.OwnershipError:
        pass  # another thread was borrowing: that is told, and the backend released all the same
    except* BaseException as error:
        wrong.append(f"cleanup: {type(error).__name__}: {error}")

threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(200)]
for thread in threads: thread.start()
for thread in threads: thread.join(40)
hanging = sum(thread.is_alive() for thread in threads)
backends.cleanup()
refused = [each for each in made if not each.closes]
taken = [id(each) for each in removed]
show({
    "hanging": hanging, "wrong": wrong[:5], "made": len(made) > 1000,
    "twice": sum(each.closes > 1 for each in made),
    "removed twice": len(taken) - len(set(taken)),
    "removed and released": sum(each.closes for each in removed),
    "populated": sorted(set(map(tuple, populated))),
    "plugins made": sum(line == "made openssl" for line in TlsBackend.log),
    "plugins closed": sum(line == "closed openssl" for line in TlsBackend.log),
})
"""


@pytest.mark.parametrize("tracked", [False, True])
def test_two_hundred_threads(environment, tracked):
    """They add, remove, replace, populate, borrow and clean up at once, tracked or not."""
    environment.install("tls-good", "tls-import-error")
    found = environment.run(f"TRACKED = {tracked}\n" + PROGRAM)
    assert found == {
        "hanging": 0, "wrong": [], "made": True, "twice": 0, "removed twice": 0, "removed and released": 0,
        "populated": [["openssl", "schannel"]], "plugins made": 1, "plugins closed": 1,
    }  # fmt: skip


def test_what_is_added_in_many_threads_is_all_there(environment):
    """No change is lost where many are made at once: each of 200 threads adds ten, each is released once."""
    found = environment.run("""
import threading
sys.setswitchinterval(1e-5)
class B:
    def __init__(self, name): self.name, self.closes = name, 0
    def close(self): self.closes += 1
backends, start = BackendCollection(), threading.Barrier(200)
def work(n):
    start.wait()
    for k in range(10): backends.add(B(f"{n}.{k}"))
threads = [threading.Thread(target=work, args=(n,)) for n in range(200)]
for t in threads: t.start()
for t in threads: t.join()
everything = list(backends)
names = len(set(backends.names()))
backends.cleanup()
show([names, len(everything), sorted({b.closes for b in everything})])
""")
    assert found == [2000, 2000, [1]]


def test_two_imports_that_populate_do_not_deadlock(environment):
    """A module that populates when it is imported, and a plugin that imports that module: both threads come through."""
    environment.install("tls-good")
    (environment.folder / "app.py").write_text("""
import threading
inside, go_on = threading.Event(), threading.Event()
inside.set(); go_on.wait(10)
import shared
found = shared.backends.populate()
""")
    (environment.folder / "shared.py").write_text("""
from lifetrack import BackendCollection
def make(cls):
    import app   # waits for the import lock that the other thread holds
    return cls()
backends = BackendCollection("tls", groups="tls_host.backends", create=make)
""")
    found = environment.run("""
import threading, time, shared
logging.disable()
importer = threading.Thread(target=lambda: __import__("app"), daemon=True)
importer.start()
while "app" not in sys.modules or not hasattr(sys.modules["app"], "go_on"): time.sleep(0.01)
populating = threading.Thread(target=shared.backends.populate, daemon=True)
populating.start()
time.sleep(0.2)
sys.modules["app"].go_on.set()
importer.join(20); populating.join(20)
show([importer.is_alive(), populating.is_alive(), shared.backends.names()])
""")
    assert found == [False, False, ["openssl", "schannel"]]


def test_no_lock_is_held_while_a_plugin_runs(environment):
    """While a plugin is imported, made, asked for its name or released, other threads read and change at will."""
    environment.install("tls-good")
    (environment.folder / "tls_good.py").write_text("""
import probe
from tls_host import TlsBackend
probe.here("import")
class OpenSsl(TlsBackend):
    def __init__(self): probe.here("constructor")
    @property
    def name(self): probe.here("name"); return "openssl"
    @property
    def capabilities(self): probe.here("capabilities"); return ()
    def close(self): probe.here("release")
class SChannel(OpenSsl):
    @property
    def name(self): return "schannel"
""")
    (environment.folder / "probe.py").write_text("""
import itertools, threading
from lifetrack import BackendCollection, BackendError
backends, seen, numbers = BackendCollection("tls", groups="tls_host.backends"), {}, itertools.count()
class Other:
    def __init__(self): self.name = f"other{next(numbers)}"
def touch():
    try:
        backends.add(Other()); backends.replace(backends.names()[0], Other()); backends.remove(backends.names()[-1])
    except BackendError: pass   # it is being cleaned up
    list(backends), len(backends)
    with backends.borrowed(backends.add(Other()).name): pass
def here(place):
    def run():
        try: touch()
        except BackendError: pass
    thread = threading.Thread(target=run, daemon=True)
    thread.start(); thread.join(10)
    seen[place] = thread.is_alive()
""")
    found = environment.run("""
import probe
probe.backends.add(probe.Other())
probe.backends.populate()
probe.backends.cleanup()
show(probe.seen)
""")
    assert found == dict.fromkeys(["import", "constructor", "name", "capabilities", "release"], False)


def test_finalizers_may_touch_the_collection_anywhere(environment):
    """The collector runs a finalizer that changes the collection in the middle of one: nothing hangs or is lost."""
    found = environment.run("""
import gc, threading
backends, done = BackendCollection(), []
class B:
    def __init__(self, name): self.name = name
class Garbage:
    def __init__(self): self.me = self
    def __del__(self):
        backends.add(B(f"late{len(done)}")); done.append(1)
gc.set_threshold(1)
def work():
    for n in range(300):
        Garbage()
        backends.add(B(f"own{n}"))
thread = threading.Thread(target=work, daemon=True); thread.start(); thread.join(30)
gc.collect()
show([thread.is_alive(), len(done), len(backends), len(set(backends.names()))])
""")
    assert found == [False, 300, 600, 600]
