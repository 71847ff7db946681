# SPDX-License-Identifier: MIT
"""A small HTTP server that remembers what was posted to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Receiver:
    def __init__(self, server: ThreadingHTTPServer, posted: list[tuple[str, bytes]]) -> None:
        self.port = server.server_port
        self.posted = posted  # path and body


@contextmanager
def receiver(status: int = 200, port: int = 0) -> Iterator[Receiver]:
    posted: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((self.path, body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield Receiver(server, posted)
        finally:
            server.shutdown()
            thread.join()
