"""
An app of a third kind: HTTP/1.0, a thread for each connection, no Content-Length, and the connection closed after each answer. Says in
X-Runtime, in seconds, how long it took. Listens on the port that is its argument.
"""

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def burn(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


WORK = {"/fast": lambda: None, "/sleep": lambda: time.sleep(0.05), "/cpu": lambda: burn(0.02)}


class View(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        started = time.perf_counter()
        work = WORK.get(self.path)
        if work:
            work()
        self.send_response(200 if work else 404)
        self.send_header("X-Runtime", f"{time.perf_counter() - started:.6f}")
        self.end_headers()
        self.wfile.write(b"done\n")

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256


Server(("127.0.0.1", int(sys.argv[1])), View).serve_forever()
