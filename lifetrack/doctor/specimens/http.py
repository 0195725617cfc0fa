"""Specimens of clients and servers of HTTP, against the peer on loopback."""

from __future__ import annotations

_URL = """
url = f"http://127.0.0.1:{peers['http']}/"
"""
_LOOP = """
import asyncio
loop = asyncio.new_event_loop()

def run(coroutine):
    return loop.run_until_complete(coroutine)
"""
_URLLIB3 = f"{_URL}import urllib3\n"
_HTTPCORE = f"{_URL}import httpcore\n"
_HTTPX = f"{_URL}import httpx\n"
_AIOHTTP = f"{_URL}{_LOOP}import aiohttp\n"
_SITE = f"{_LOOP}from aiohttp import web\n"
#: What a client of asyncio's needs until its transports are closed.
_END = "run(asyncio.sleep(0.05))\nloop.close()\n"

_SESSION = f"""{_AIOHTTP}
async def begin():
    return aiohttp.ClientSession(trust_env=False)  # leak

resource = run(begin())
# release
run(resource.close())
{_END}"""
_RESPONSE = f"""{_AIOHTTP}
async def begin():
    session = aiohttp.ClientSession(read_bufsize=1)
    return session, await session.get(url)  # leak

async def end():
    response.release()
    await session.close()

session, response = run(begin())
# release
run(end())
{_END}"""
_BOTO = """
import botocore.session
names = {"aws_access_key_id": "none", "aws_secret_access_key": "none", "region_name": "us-east-1"}
session = botocore.session.get_session()
"""


def _site(make: str) -> str:
    return f"""{_SITE}import socket

async def begin():
    runner = web.AppRunner(web.Application())
    await runner.setup()
    site = {make}
    await site.start()  # leak
    return runner

runner = run(begin())
# release
run(runner.cleanup())
{_END}"""


HTTP: dict[tuple[str, str], str] = {
    ("urllib3.poolmanager", "PoolManager"): f"""{_URLLIB3}
resource = urllib3.PoolManager()  # leak
resource.request("GET", url)
# release
resource.clear()
""",
    ("urllib3.connectionpool", "HTTPConnectionPool"): f"""{_URLLIB3}
resource = urllib3.HTTPConnectionPool("127.0.0.1", peers["http"])  # leak
resource.request("GET", "/")
# release
resource.close()
""",
    ("urllib3.connectionpool", "HTTPConnectionPool._get_conn"): f"""{_URLLIB3}
pool = urllib3.HTTPConnectionPool("127.0.0.1", peers["http"])
resource = pool.urlopen("GET", "/", preload_content=False)  # leak
# release
resource.read()
resource.release_conn()
pool.close()
""",
    ("urllib3.response", "HTTPResponse"): f"""{_URLLIB3}
pool = urllib3.HTTPConnectionPool("127.0.0.1", peers["http"])
resource = pool.urlopen("GET", "/", preload_content=False)  # leak
# release
resource.read()
resource.release_conn()
pool.close()
""",
    ("requests.sessions", "Session"): f"""{_URL}
import requests
resource = requests.Session()  # leak
resource.get(url)
# release
resource.close()
""",
    ("requests.adapters", "Response"): f"""{_URL}
import requests
session = requests.Session()
resource = session.get(url, stream=True)  # leak
# release
resource.close()
session.close()
""",
    ("httpcore._sync.connection_pool", "ConnectionPool"): f"""{_HTTPCORE}
resource = httpcore.ConnectionPool()  # leak
resource.request("GET", url)
# release
resource.close()
""",
    ("httpcore._sync.connection_pool", "ConnectionPool.handle_request"): f"""{_HTTPCORE}
pool = httpcore.ConnectionPool()
resource = pool.handle_request(httpcore.Request("GET", url, headers={{"Host": "localhost"}}))  # leak
# release
resource.close()
pool.close()
""",
    ("httpcore._async.connection_pool", "AsyncConnectionPool"): f"""{_HTTPCORE}{_LOOP}
resource = httpcore.AsyncConnectionPool()  # leak
run(resource.request("GET", url))
# release
run(resource.aclose())
{_END}""",
    ("httpcore._async.connection_pool", "AsyncConnectionPool.handle_async_request"): f"""{_HTTPCORE}{_LOOP}
async def begin():
    request = httpcore.Request("GET", url, headers={{"Host": "localhost"}})
    return await pool.handle_async_request(request)  # leak

pool = httpcore.AsyncConnectionPool()
resource = run(begin())
# release
run(resource.aclose())
run(pool.aclose())
{_END}""",
    ("httpx._client", "Client"): f"""{_HTTPX}
resource = httpx.Client()  # leak
resource.get(url)
# release
resource.close()
""",
    ("httpx._client", "AsyncClient"): f"""{_HTTPX}{_LOOP}
resource = httpx.AsyncClient()  # leak
run(resource.get(url))
# release
run(resource.aclose())
{_END}""",
    ("httpx._client", "Response"): f"""{_HTTPX}
client = httpx.Client()
resource = client.send(client.build_request("GET", url), stream=True)  # leak
# release
resource.close()
client.close()
""",
    ("aiohttp.client", "ClientSession"): _SESSION,
    ("aiohttp.connector", "BaseConnector"): f"""{_AIOHTTP}
async def begin():
    resource = aiohttp.TCPConnector()  # leak
    async with aiohttp.ClientSession(connector=resource, connector_owner=False) as session:
        async with session.get(url) as response:
            await response.read()
    return resource

resource = run(begin())
# release
run(resource.close())
{_END}""",
    ("aiohttp.connector", "BaseConnector.connect"): _RESPONSE,
    ("aiohttp.client", "ClientResponse"): _RESPONSE,
    ("aiohttp.client", "ClientWebSocketResponse"): f"""{_SITE}import aiohttp

async def serve(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for _ in socket:
        pass
    return socket

async def begin():
    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    session = aiohttp.ClientSession()
    return runner, session, await session.ws_connect(f"http://127.0.0.1:{{port}}/")  # leak

async def end():
    await resource.close()
    await session.close()
    await runner.cleanup()

runner, session, resource = run(begin())
# release
run(end())
{_END}""",
    ("aiohttp.web_runner", "BaseRunner"): f"""{_SITE}
async def begin():
    resource = web.AppRunner(web.Application())
    await resource.setup()  # leak
    return resource

resource = run(begin())
# release
run(resource.cleanup())
{_END}""",
    ("aiohttp.web_runner", "TCPSite"): _site('web.TCPSite(runner, "127.0.0.1", 0)'),
    ("aiohttp.web_runner", "UnixSite"): _site("web.UnixSite(runner, path)"),
    ("aiohttp.web_runner", "SockSite"): _site('web.SockSite(runner, socket.create_server(("127.0.0.1", 0)))'),
    ("botocore.client", "BaseClient"): f"""{_BOTO}
resource = session.create_client("sts", endpoint_url="http://127.0.0.1:1", **names)  # leak
untried("a client has nothing to give back until a service has answered it")
""",
}
