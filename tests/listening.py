"""A real HTTP server in this process that keeps what it is asked, and answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Listening:
    """Where it listens, what it was asked, and the status that it answers."""

    url: str = ""
    status: int = 200
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    held: threading.Event | None = None

    def documents(self) -> list[Any]:
        """The JSON of all requests that brought some."""
        return [document for _, _, document in self.asked if document is not None]


@contextmanager
def listening() -> Iterator[Listening]:
    """The server, until the block ends."""
    kept = Listening()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kept.asked.append((self.command, dict(self.headers), json.loads(body) if body else None))
            if kept.held:
                kept.held.wait(30)
            self.send_response(kept.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_OPTIONS = _answer  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}/sms"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
