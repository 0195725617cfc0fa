"""A program that uses the library, with two mistakes.

Install lifetrack and this project (`pip install . lifetrack`), then: `lifetrack run --watch stdlib,ferry run.py`
"""

from __future__ import annotations

import asyncio

from ferry import Harbour


async def visit(harbour: Harbour) -> None:
    boat = harbour.board()
    harbour.land(boat)
    await harbour.aclose()


async def main() -> None:
    await visit(Harbour("north"))
    forgotten = Harbour("south")  # never closed
    forgotten.land(forgotten.board())
    impatient = Harbour("west")
    try:
        await asyncio.wait_for(impatient.aclose(), timeout=0.01)  # cancelled before it was done
    except TimeoutError:
        print("the tide was too slow")


asyncio.run(main())
