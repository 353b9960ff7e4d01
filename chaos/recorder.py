"""The other side: a server of its own that counts what it was asked for, per idempotency key, and knows nothing of workflows.

`POST /do` has an effect once per key; a repeat is answered and counted. `POST /undo` takes the effect with that `reference`
back, and refuses it if it comes later (410). Every call is a line of an append-only file, written before it is answered.
Run as `python -m chaos.recorder PORT FILE`.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

OK, GONE, UNAVAILABLE = 200, 410, 503


class Recorder:
    """The effects that exist, and the file that tells how they came."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._done: set[str] = set()
        self._withdrawn: dict[str, str] = {}

    def do(self, body: dict[str, Any]) -> int | None:
        """The status to answer with; None: obey and do not answer."""
        key = body["key"]
        with self._lock:
            self._calls[key] += 1
            calls = self._calls[key]
            refused, unanswered = body.get("refused", 0), body.get("unanswered", 0)
            if key in self._withdrawn:
                return self._say("do", body, "late", GONE)
            if calls <= refused:
                return self._say("do", body, "refused", UNAVAILABLE)
            outcome = "repeat" if key in self._done else "done"
            self._done.add(key)
            return self._say("do", body, outcome, None if calls <= refused + unanswered else OK)

    def undo(self, body: dict[str, Any]) -> int | None:
        """An effect that never came is withdrawn as well: from now on it is late."""
        reference = body["reference"]
        with self._lock:
            by = self._withdrawn.setdefault(reference, body["key"])
            again = "repeat" if by == body["key"] else "again"
            first = self._calls["undo " + reference] == 0
            self._calls["undo " + reference] += 1
            return self._say("undo", body, ("undone" if reference in self._done else "nothing") if first else again, OK)

    def _say(self, call: str, body: dict[str, Any], outcome: str, status: int | None) -> int | None:
        self._file.write(json.dumps({"call": call, "outcome": outcome, **body}) + "\n")
        return status


def serve(port: int, path: Path) -> None:
    """Serve until the process ends."""
    recorder = Recorder(path)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = {"/do": recorder.do, "/undo": recorder.undo}[self.path](body)
            if status is not None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: Any) -> None:
            """The file says it all."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    Server(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
