"""Clients of databases, their pools, and what they hand out."""

from __future__ import annotations

from typing import Any

from lifetrack.watchers.custody import lease_of, pool_of
from lifetrack.watchers.rows import CLASSES, POOLS, USES, Lending, Row, attributes, check_out, declare, is_none, is_true

_WITH = "use it in a 'with' block, or call close() in a 'finally' clause"
_ASYNC_WITH = "use it in an 'async with' block, or await its close() in a 'finally' clause"


def _always(_: object) -> bool:
    return True


# -- SQLAlchemy ----------------------------------------------------------------------------------------------------

_BASE, _ALCHEMY = "sqlalchemy.pool.base", ("sqlalchemy",)
_CHECK_OUT = check_out(
    "connect",
    hint="use 'with engine.connect()', 'with engine.begin()' or 'with Session(engine)', or call close() in a 'finally' "
         "clause: until then its slot of the pool is taken",
)  # fmt: skip
_FAIRY = Lending(
    borrower=(_BASE, "_ConnectionFairy"), ends=("_checkin", "detach"),
    below=lambda fairy: (fairy._connection_record,),
)  # fmt: skip
_DISPOSE = "call dispose() when the engine has done its work, or make one engine for the whole process"


def _driver_connections(record: Any) -> tuple[object, ...]:
    """The driver's connection in a slot of a pool, and what an adapter for asyncio has inside."""
    connection = record.dbapi_connection
    inner = getattr(connection, "_connection", None)
    return connection, inner, getattr(inner, "_conn", None)


def _pool_of_record(record: Any) -> object:
    return record._ConnectionRecord__pool


def _is_over(connection: Any) -> bool:
    """Whether a Connection is closed, or was made for a look at a connection that is the pool's alone."""
    return bool(connection.closed) or type(connection._dbapi_connection).__name__ == "_AdhocProxiedConnection"


#: A pool has to be told only when it has connections, and those of an engine live as long as the process by design.
_POOL = declare("dispose", hollow=True, ends_with_process=_always, hint=_DISPOSE)
#: Each class of pools disposes in its own way.
_POOLS = ("AssertionPool", "NullPool", "QueuePool", "SingletonThreadPool", "StaticPool")

SQLALCHEMY: tuple[Row, ...] = (
    Row(
        _ALCHEMY, "sqlalchemy.engine.base", "Engine", CLASSES, _POOL, usual=False, parts=attributes("pool"),
    ),
    Row(_ALCHEMY, _BASE, "Pool", CLASSES, _POOL, usual=False),
    *(Row(_ALCHEMY, "sqlalchemy.pool.impl", name, CLASSES, _POOL, usual=False) for name in _POOLS),
    Row(
        # One whose connection was detached has nothing left by the time that its pool closes it.
        _ALCHEMY, _BASE, "_ConnectionRecord", CLASSES,
        declare("_ConnectionRecord__close", "close", acquire="_ConnectionRecord__connect",
                released_when=is_none("dbapi_connection"), hint=_DISPOSE),
        usual=False, keeps=("_ConnectionRecord__connect",), keeper=_pool_of_record,
        parts=_driver_connections, parent=_pool_of_record, kept=True,
    ),
    Row(
        _ALCHEMY, "sqlalchemy.engine.base", "Connection", CLASSES,
        declare("close", released_when=_is_over, hint=_CHECK_OUT.hint),
        usual=False, parent=lambda connection: lease_of(connection._dbapi_connection),
    ),
    Row(
        _ALCHEMY, "sqlalchemy.orm.session", "Session", CLASSES,
        declare("close", hollow=True, hint="use 'with Session(engine)', or call close() in a 'finally' clause"),
        usual=False,
    ),
    Row(
        _ALCHEMY, "sqlalchemy.orm.session", "SessionTransaction", USES,
        declare("close", acquire="_connection_for_bind"),
        usual=False, keeper=lambda transaction: transaction.session,
        parts=lambda connection: (connection._dbapi_connection,),
    ),
    Row(_ALCHEMY, _BASE, "Pool", POOLS, _CHECK_OUT, usual=False, lending=_FAIRY),
    Row(_ALCHEMY, "sqlalchemy.pool.impl", "SingletonThreadPool", POOLS, _CHECK_OUT, usual=False, lending=_FAIRY),
)  # fmt: skip

# -- psycopg -------------------------------------------------------------------------------------------------------

_PSYCOPG, _PSYCOPG_POOL = ("psycopg",), ("psycopg_pool",)
_PSYCOPG_HINT = "use 'with psycopg.connect()', or call close() in a 'finally' clause"


def _psycopg_pool(module: str, prefix: str, close_hint: str) -> tuple[Row, ...]:
    """The rows of the pools for one of the two worlds."""
    return (
        Row(
            _PSYCOPG_POOL, module, f"{prefix}ConnectionPool", CLASSES,
            declare("close", acquire="_open", released_when=is_true("_closed"), hint=close_hint),
            usual=False, keeps=("_open", "_connect"),
        ),
        Row(
            _PSYCOPG_POOL, module, f"{prefix}ConnectionPool", POOLS,
            check_out("getconn", "putconn",
                      hint="use 'with pool.connection()', or call putconn() in a 'finally' clause"),
            usual=False, lending=Lending(refuses=True),
        ),
    )  # fmt: skip


def _is_cursor_over(cursor: Any) -> bool:
    """Whether a cursor of the server is closed, or its connection is, which ends it."""
    return bool(cursor.closed or cursor.connection.closed)


def _connection_of(cursor: Any) -> object:
    return cursor.connection


PSYCOPG: tuple[Row, ...] = (
    Row(
        _PSYCOPG, "psycopg.connection", "Connection", CLASSES,
        declare("close", released_when=is_true("closed"), hint=_PSYCOPG_HINT),
        usual=False,
    ),
    Row(
        _PSYCOPG, "psycopg.connection_async", "AsyncConnection", CLASSES,
        declare("close", released_when=is_true("closed"), hint=_ASYNC_WITH),
        usual=False,
    ),
    Row(
        _PSYCOPG, "psycopg._server_cursor", "ServerCursor", CLASSES,
        declare("close", acquire="execute", released_when=_is_cursor_over, hint=_WITH),
        usual=False, parent=_connection_of,
    ),
    Row(
        _PSYCOPG, "psycopg._server_cursor_async", "AsyncServerCursor", CLASSES,
        declare("close", acquire="execute", released_when=_is_cursor_over, hint=_ASYNC_WITH),
        usual=False, parent=_connection_of,
    ),
    *_psycopg_pool("psycopg_pool.pool", "", _WITH),
    *_psycopg_pool("psycopg_pool.pool_async", "Async", _ASYNC_WITH),
)  # fmt: skip

# -- PyMySQL -------------------------------------------------------------------------------------------------------

PYMYSQL: tuple[Row, ...] = (
    Row(
        ("pymysql",), "pymysql.connections", "Connection", CLASSES,
        declare("close", "_force_close", acquire="connect", released_when=is_none("_sock"), hint=_WITH),
        usual=False, parts=attributes("_sock", "_rfile"),
    ),
)  # fmt: skip

# -- Redis ---------------------------------------------------------------------------------------------------------

_REDIS = ("redis",)
_REDIS_CHECK_OUT = (
    "close() what it was taken for, a PubSub or Pipeline, or call release() of the pool in a 'finally' clause"
)


def _own_pool(client: Any) -> tuple[object, ...]:
    """The pool of a client that made it itself, and closes it."""
    return (client.connection_pool,) if client.auto_close_connection_pool else ()


def _inner(connection: Any) -> tuple[object, ...]:
    """A connection, and the one below it where it only adds a cache."""
    return connection, getattr(connection, "_conn", None)


def _redis(where: str, close: str, is_closed: Any, parts: tuple[str, ...], hint: str) -> tuple[Row, ...]:
    """The rows for one of the two worlds."""
    pool = declare(close, "disconnect", hollow=True, hint=hint)
    check_outs = check_out("get_connection", "release", hint=_REDIS_CHECK_OUT)
    lending = Lending(below=_inner)
    return (
        Row(
            _REDIS, f"{where}.client", "Redis", CLASSES, declare(close, hollow=True, hint=hint),
            usual=False, parts=_own_pool,
        ),
        Row(
            _REDIS, f"{where}.connection", "AbstractConnection", CLASSES,
            declare("disconnect", acquire="connect", released_when=is_closed, hint=hint),
            usual=False, keeps=("connect",), parts=attributes(*parts), parent=pool_of, kept=True,
        ),
        *(Row(_REDIS, f"{where}.connection", name, CLASSES, pool, usual=False) for name in _REDIS_POOLS),
        *(
            Row(_REDIS, f"{where}.connection", name, POOLS, check_outs, usual=False, lending=lending)
            for name in _REDIS_POOLS
        ),
    )  # fmt: skip


_REDIS_POOLS = ("ConnectionPool", "BlockingConnectionPool")

REDIS: tuple[Row, ...] = (
    *_redis("redis", "close", is_none("_sock"), ("_sock",), _WITH),
    *_redis(
        "redis.asyncio", "aclose", is_none("_writer"), (), "use it in an 'async with' block, or await its aclose()"
    ),
)

# -- MongoDB -------------------------------------------------------------------------------------------------------


def _is_unused(client: Any) -> bool:
    """Whether a client was closed, or has never connected."""
    return bool(getattr(client, "_closed", False)) or getattr(client, "_opened", True) is False


def _mongo(where: str, name: str, hint: str) -> tuple[Row, ...]:
    return (
        Row(
            ("pymongo",), f"pymongo.{where}.mongo_client", name, CLASSES,
            declare("close", acquire="_get_topology", released_when=_is_unused, hint=hint),
            usual=False, keeps=("_get_topology",),
        ),
        # Its connections belong to it, and it to the client: it is made while the client opens, and lives with it.
        Row(
            ("pymongo",), f"pymongo.{where}.pool", "Pool", CLASSES, declare("close", hollow=True, hint=hint),
            usual=False, keeps=("connect",),
        ),
    )  # fmt: skip


PYMONGO: tuple[Row, ...] = (
    *_mongo("synchronous", "MongoClient", _WITH),
    *_mongo("asynchronous", "AsyncMongoClient", _ASYNC_WITH),
)

ROWS: tuple[Row, ...] = (*SQLALCHEMY, *PSYCOPG, *PYMYSQL, *REDIS, *PYMONGO)
