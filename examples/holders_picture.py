"""A picture of who holds an object, drawn by objgraph: `pip install 'lifetrack[objgraph]'`, and Graphviz for an SVG.

Run it:  python examples/holders_picture.py
"""

import pathlib
import tempfile

from lifetrack.drawing import draw_holders


class Session:
    def __init__(self):
        self.token = "nobody's business"

    def on_event(self, event):
        pass


REGISTRY = {}
CALLBACKS = []


def load():
    session = Session()
    REGISTRY["main"] = session
    CALLBACKS.append(session.on_event)


if __name__ == "__main__":
    load()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "who.dot")  # or who.svg
        draw_holders(REGISTRY["main"], path)
        for line in path.read_text(encoding="utf-8").splitlines():
            if "label=" in line:
                print(line.partition("label=")[2].rstrip("];"))
