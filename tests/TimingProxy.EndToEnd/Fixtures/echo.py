"""Tells what it was asked, and how many requests it has been asked before: the same as WSGI (gunicorn) and as ASGI (uvicorn)."""

count = 0


def told(method, target, body):
    global count
    count += 1
    return f"{count} {method} {target} {len(body)}".encode("latin-1")


def application(environ, start_response):
    target = environ["RAW_URI"]
    answer = told(environ["REQUEST_METHOD"], target, environ["wsgi.input"].read())
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]


async def asgi(scope, receive, send):
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            # Never complete, so it is no request.
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    query = scope["query_string"]
    target = scope["raw_path"].decode("latin-1") + ("?" + query.decode("latin-1") if query else "")
    answer = told(scope["method"], target, body)
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
