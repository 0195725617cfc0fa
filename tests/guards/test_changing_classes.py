"""Classes may change while another thread looks at what they have: attributes come and go, as caches and patches do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import RunPython

PROGRAM = """
import sys, threading
import lifetrack

class Base: pass
for number in range(300): setattr(Base, f"method{number}", lambda self: None)

def change():
    number = 0
    while not done.is_set():
        setattr(Base, f"extra{number}", 1)
        if number >= 25: delattr(Base, f"extra{number - 25}")
        number += 1

done, wrong, refused = threading.Event(), [], 0
sys.setswitchinterval(1e-6)
lifetrack.start(policy="raise", report=False)
changing = threading.Thread(target=change)
changing.start()
try:
    for number in range(60):
        obj = lifetrack.tracked(type(f"Own{number}", (Base,), {"close": lambda self: None}))()
        try:
            obj.close()
            obj.method3()
        except lifetrack.UseAfterReleaseError:
            refused += 1
        except RuntimeError as error:
            wrong.append(str(error))
finally:
    done.set()
    changing.join()
print(refused, wrong)
"""


def test_released_while_its_class_changes(run_python: RunPython) -> None:
    """The release goes on, and the use after it is refused each time."""
    done = run_python(PROGRAM)
    assert done.stdout.split(maxsplit=1) == ["60", "[]\n"], done.stderr
