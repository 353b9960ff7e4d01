"""An HTTP server in a thread whose answers a test may spoil."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

PATIENCE_SECONDS = 20.0
"""How long a request waits for the one that it is to meet."""


class _Silent(WSGIRequestHandler):
    """Tests do not read a web server's log."""

    def log(self, *_: Any, **__: Any) -> None: ...


@dataclass(frozen=True)
class Spoilt:
    """What happens once to a request: refused before it is carried out, or carried out and its answer lost."""

    method: str
    path: re.Pattern[str]
    status: int | None


class FakeServer:
    """Answers on 127.0.0.1 while its block lasts. Requests are carried out one at a time, as one server's state is one."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self._spoilt: list[Spoilt] = []
        self._meetings: list[tuple[str, re.Pattern[str], threading.Barrier]] = []
        self._lock = threading.RLock()
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", 0, self._application, threaded=True, request_handler=_Silent
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextmanager
    def refusing(self, method: str, path: str, status: int) -> Iterator[None]:
        """The next such request is answered with that status and not carried out; it has to come."""
        yield from self._once(Spoilt(method, re.compile(path), status))

    @contextmanager
    def dropping(self, method: str, path: str) -> Iterator[None]:
        """The next such request is carried out, and the connection lost before its answer; it has to come."""
        yield from self._once(Spoilt(method, re.compile(path), None))

    @contextmanager
    def meeting(self, method: str, path: str) -> Iterator[None]:
        """The next two such requests wait for each other before they are carried out; both have to come."""
        meeting: list[tuple[str, re.Pattern[str], threading.Barrier]] = []
        both = threading.Barrier(2, action=lambda: self._meetings.remove(meeting[0]), timeout=PATIENCE_SECONDS)
        meeting.append((method, re.compile(path), both))
        self._meetings.append(meeting[0])
        yield
        assert meeting[0] not in self._meetings, f"{method} {path} was not asked twice at once"

    def answer(self, request: Request) -> Response:
        """Carry out a request."""
        raise NotImplementedError

    def refusal(self, status: int) -> Response:
        """How this server says that it failed."""
        raise NotImplementedError

    def _once(self, spoilt: Spoilt) -> Iterator[None]:
        self._spoilt.append(spoilt)
        yield
        assert spoilt not in self._spoilt, f"{spoilt.method} {spoilt.path.pattern} was never asked"

    def _application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        for method, path, both in [*self._meetings]:
            if method == request.method and path.fullmatch(request.path):
                both.wait()
        with self._lock:
            self.asked.append((request.method, request.path))
            spoilt = self._take(request)
            if spoilt is not None and spoilt.status is not None:
                response = self.refusal(spoilt.status)
            else:
                response = self.answer(request)
        if spoilt is not None and spoilt.status is None:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return response(environ, start_response)

    def _take(self, request: Request) -> Spoilt | None:
        for each in self._spoilt:
            if each.method == request.method and each.path.fullmatch(request.path):
                self._spoilt.remove(each)
                return each
        return None
