"""
Reports in `X-App-MS` how long the whole app took, measured outside Django: what a proxy's figure is compared with.
Only on the delay views, so that every other answer is the same each time.
"""

import time

PATHS = ("/delay", "/async/delay")


def _elapsed(started):
    return f"{(time.perf_counter() - started) * 1000:.3f}"


def wsgi(app):
    def timed(environ, start_response):
        if environ["PATH_INFO"] not in PATHS:
            return app(environ, start_response)
        started = time.perf_counter()

        def start(status, headers, *exc_info):
            return start_response(status, headers + [("X-App-MS", _elapsed(started))], *exc_info)

        return app(environ, start)

    return timed


def asgi(app):
    async def timed(scope, receive, send):
        if scope["type"] != "http" or scope["path"] not in PATHS:
            return await app(scope, receive, send)
        started = time.perf_counter()

        async def send_timed(message):
            if message["type"] == "http.response.start":
                own = (b"x-app-ms", _elapsed(started).encode())
                message = {**message, "headers": [*message.get("headers", []), own]}
            await send(message)

        await app(scope, receive, send_timed)

    return timed
