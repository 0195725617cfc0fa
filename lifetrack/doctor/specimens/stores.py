"""Specimens of databases and messaging: SQLAlchemy on sqlite3, kombu in memory; the others need a server."""

from __future__ import annotations

_ENGINE = """
from sqlalchemy import create_engine, pool, text
from sqlalchemy.orm import Session
"""
_QUEUE = "create_engine(f'sqlite:///{path}', poolclass=pool.QueuePool)"


def _pool(name: str) -> str:
    keep = "" if name != "NullPool" else "untried('it keeps no connection')\n"
    return f"""{_ENGINE}import sqlite3
resource = pool.{name}(lambda: sqlite3.connect(path, check_same_thread=False))  # leak
resource.connect().close()
{keep}# release
resource.dispose()
"""


def _server(what: str) -> str:
    return f"untried('it needs {what}')  # leak\n"


_POOLS = ("AssertionPool", "NullPool", "QueuePool", "SingletonThreadPool", "StaticPool")
_MYSQL, _POSTGRES, _REDIS = "a server of MySQL", "a server of PostgreSQL", "a server of Redis"
_MONGO, _RABBIT = "a server of MongoDB", "a server of RabbitMQ"
_REDIS_ROWS = ("ConnectionPool", "BlockingConnectionPool", "ConnectionPool.get_connection",
               "BlockingConnectionPool.get_connection", "AbstractConnection")  # fmt: skip
_KOMBU = """
import kombu
"""

STORES: dict[tuple[str, str], str] = {
    ("sqlalchemy.engine.base", "Engine"): f"""{_ENGINE}
resource = {_QUEUE}  # leak
with resource.connect() as connection:
    connection.execute(text("select 1"))
# release
resource.dispose()
""",
    ("sqlalchemy.pool.base", "Pool"): "untried('each of its subclasses is tried')  # leak\n",
    **{("sqlalchemy.pool.impl", name): _pool(name) for name in _POOLS},
    ("sqlalchemy.pool.base", "_ConnectionRecord"): f"""{_ENGINE}
engine = {_QUEUE}
engine.connect().close()  # leak
# release
engine.dispose()
""",
    ("sqlalchemy.engine.base", "Connection"): f"""{_ENGINE}
engine = {_QUEUE}
resource = engine.connect()  # leak
# release
resource.close()
engine.dispose()
""",
    ("sqlalchemy.orm.session", "Session"): f"""{_ENGINE}
engine = {_QUEUE}
resource = Session(engine)  # leak
resource.execute(text("select 1"))
# release
resource.close()
engine.dispose()
""",
    ("sqlalchemy.pool.base", "Pool.connect"): f"""{_ENGINE}
engine = {_QUEUE}
resource = engine.raw_connection()  # leak
# release
resource.close()
engine.dispose()
""",
    ("sqlalchemy.pool.impl", "SingletonThreadPool.connect"): f"""{_ENGINE}
engine = create_engine(f"sqlite:///{{path}}", poolclass=pool.SingletonThreadPool)
resource = engine.raw_connection()  # leak
# release
resource.close()
engine.dispose()
""",
    **{
        (module, name): _server(_POSTGRES)
        for module, name in (
            ("psycopg.connection", "Connection"), ("psycopg.connection_async", "AsyncConnection"),
            ("psycopg._server_cursor", "ServerCursor"), ("psycopg._server_cursor_async", "AsyncServerCursor"),
            ("psycopg_pool.pool", "ConnectionPool"), ("psycopg_pool.pool", "ConnectionPool.getconn"),
            ("psycopg_pool.pool_async", "AsyncConnectionPool"),
            ("psycopg_pool.pool_async", "AsyncConnectionPool.getconn"),
        )
    },
    ("pymysql.connections", "Connection"): _server(_MYSQL),
    **{(f"{where}.connection", name): _server(_REDIS) for where in ("redis", "redis.asyncio") for name in _REDIS_ROWS},
    **{(f"{where}.client", "Redis"): _server(_REDIS) for where in ("redis", "redis.asyncio")},
    **{
        (f"pymongo.{where}", name): _server(_MONGO)
        for where, name in (
            ("synchronous.mongo_client", "MongoClient"), ("asynchronous.mongo_client", "AsyncMongoClient"),
            ("synchronous.pool", "Pool"), ("asynchronous.pool", "Pool"),
        )
    },
    **{
        ("pika.adapters.blocking_connection", name): _server(_RABBIT)
        for name in ("BlockingConnection", "BlockingChannel")
    },
    ("kombu.connection", "Connection"): f"""{_KOMBU}
resource = kombu.Connection("memory://")
resource.connect()  # leak
# release
resource.release()
""",
    ("kombu.resource", "Resource"): f"""{_KOMBU}
connection = kombu.Connection("memory://")
resource = connection.Pool(1)  # leak
with resource.acquire() as lent:
    lent.connect()
# release
resource.force_close_all()
connection.release()
""",
    ("kombu.resource", "Resource.acquire"): f"""{_KOMBU}
connection = kombu.Connection("memory://")
pool = connection.Pool(1)
resource = pool.acquire()  # leak
# release
resource.release()
pool.force_close_all()
connection.release()
""",
}  # fmt: skip
