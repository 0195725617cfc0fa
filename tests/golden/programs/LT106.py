"""A constructor that raises when its base has acquired already."""

import lifetrack


@lifetrack.tracked
class Backend:
    def close(self):
        pass


class Checked(Backend):
    def __init__(self):
        super().__init__()
        raise ValueError("too late")


def make():
    try:
        return Checked()
    except ValueError:
        return None


backend = make()
