"""A pool: it owns its connections and lends them out. Whoever has one may use it, and not close it.

Run it:  python examples/ownership/pool.py
"""

from contextlib import contextmanager

import lifetrack


@lifetrack.tracked
class Connection:
    def query(self, text):
        return f"answer to {text}"

    def close(self):
        self.open = False


class Pool:
    def __init__(self, size):
        self._owner = lifetrack.Owner("pool", exclusive=True)  # nobody else may release what it owns
        self._idle = [lifetrack.transfer(Connection(), to=self._owner) for _ in range(size)]

    @contextmanager
    def connection(self):
        taken = self._idle.pop()
        try:
            with lifetrack.borrow(taken) as lent:
                yield lent
        finally:
            self._idle.append(taken)

    def close(self):
        self._owner.close()  # releases all of them, newest first


def main():
    pool = Pool(size=2)
    with pool.connection() as connection:
        print(connection.query("select 1"))
    with pool.connection() as connection:
        try:
            connection.close()  # a mistake: it was only lent
        except lifetrack.OwnershipError as error:
            print(error)
    pool.close()


if __name__ == "__main__":
    lifetrack.start(policy="raise")
    main()
