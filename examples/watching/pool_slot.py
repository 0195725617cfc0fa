"""A lost slot of a connection pool: no descriptor leaks, no warning appears; the program just hangs some day.

Run it:  python examples/watching/pool_slot.py    (needs SQLAlchemy)
"""

import pathlib
import tempfile

import sqlalchemy

import lifetrack

lifetrack.start(watch="stdlib,sqlalchemy", policy="record")
folder = pathlib.Path(tempfile.mkdtemp())
engine = sqlalchemy.create_engine(f"sqlite:///{folder / 'shop.db'}", pool_size=2, max_overflow=0, pool_timeout=0.1)
with engine.begin() as connection:
    connection.execute(sqlalchemy.text("create table orders (number integer, state text)"))


requests = []  # a queue, a cache or a traceback: something that keeps what a request had in its hands


def is_open(number):
    connection = engine.connect()  # LT101
    requests.append(connection)
    row = connection.execute(sqlalchemy.text("select state from orders where number = :n"), {"n": number}).first()
    if row is None:
        return False  # the connection goes back to the pool only below
    connection.close()
    return row.state == "open"


with engine.connect() as connection:  # given back: no finding
    connection.execute(sqlalchemy.text("select count(*) from orders"))

for number in (1, 2, 3):
    try:
        is_open(number)
    except sqlalchemy.exc.TimeoutError:
        print("no connection left")
