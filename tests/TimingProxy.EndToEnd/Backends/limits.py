"""Backends whose limit is known: what a request costs is in its query (?ms=30), and waits instead of working.

Each answer says in X-Runtime how long the view took, as apps with a timing middleware do.
"""
import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

THREADS = ThreadPoolExecutor(6)
POOL_SIZE = 3
SLOW_EVERY, SLOW_FOR, SLOWNESS = 20, 8, 5

_started = time.monotonic()
_pool = None


def seconds(query):
    return float(parse_qs(query)["ms"][0]) / 1000


def wsgi(environ, start_response):
    begin = time.monotonic()
    query = environ["QUERY_STRING"]
    if query:
        time.sleep(seconds(query))
    start_response("200 OK", [("Content-Length", "0"), ("X-Runtime", "%.6f" % (time.monotonic() - begin))])
    return [b""]


async def view(path, work):
    global _pool
    if path.startswith("/pool"):
        _pool = _pool or asyncio.Semaphore(POOL_SIZE)
        async with _pool:
            await asyncio.sleep(work)
    elif path.startswith("/thread"):
        await asyncio.get_running_loop().run_in_executor(THREADS, time.sleep, work)
    elif path.startswith("/dependency"):
        slow = (time.monotonic() - _started) % SLOW_EVERY < SLOW_FOR
        await asyncio.sleep(work * (SLOWNESS if slow else 1))
    else:
        await asyncio.sleep(work)


async def asgi(scope, receive, send):
    begin = time.monotonic()
    query = scope["query_string"].decode()
    if query:
        await view(scope["path"], seconds(query))
    headers = [(b"content-length", b"0"), (b"x-runtime", b"%.6f" % (time.monotonic() - begin))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
