"""A backend outlives its scope, with the child that depends on it."""

import lifetrack


@lifetrack.tracked(children=("session",))
class Backend:
    def session(self):
        return Session()

    def close(self):
        pass


@lifetrack.tracked
class Session:
    def close(self):
        pass


def job():
    backend = Backend()
    return backend, backend.session()


with lifetrack.scope("import job"):
    kept = job()
