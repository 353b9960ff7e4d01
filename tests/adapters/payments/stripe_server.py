"""A server that answers as Stripe's API does, on a real socket, with switches for what goes wrong on the way.

Keys are kept as https://docs.stripe.com/api/idempotent_requests says: the first answer under a key, errors and 500
included, is repeated; other parameters are an error; a second request while the first is under way is a conflict; what
failed before it began (authentication, limits, validation) is not kept.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.adapters.payments.stripe_books import ApiError, Json, StripeBooks

SECRET_KEY = "sk_test_turnup"
WEBHOOK_SECRET = "whsec_turnup"
NOT_KEPT = {"parameter_missing", "parameter_invalid_integer"}
"""Validation fails before a request begins, so its answer is not kept under the key."""


@dataclass
class Switches:
    """What the next request that would change something meets; each is for one request."""

    drop_answer: bool = False
    """It is done, and the connection ends before the answer."""
    drop_request: bool = False
    """The connection ends before anything is done."""
    fail_after: bool = False
    """It is done, and a 500 is what comes back, and what is kept."""
    limited: bool = False
    """429, before anything is done."""
    hold: threading.Event | None = None
    """It is under way until this is set."""
    holding: threading.Event = field(default_factory=threading.Event)
    """Set while a request is held."""

    def take(self, name: str) -> Any:
        value = getattr(self, name)
        setattr(self, name, None if name == "hold" else False)
        return value


@dataclass
class Kept:
    """What was asked under a key, and the answer once there is one."""

    asked: tuple[str, Json]
    status: int | None = None
    body: Json | None = None


class StripeServer:
    """The account behind one secret key."""

    def __init__(self) -> None:
        self.books = StripeBooks()
        self.switches = Switches()
        self.keys: dict[str, Kept] = {}
        self.requests: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def forget_keys(self) -> None:
        """As Stripe does when they are a day old."""
        self.keys.clear()

    def signed_event(
        self, kind: str, reference: str, *, at: float | None = None, secret: str = WEBHOOK_SECRET
    ) -> tuple[bytes, dict[str, str]]:
        """The latest event of that kind about a payment intent, as Stripe would post it: the body and its headers."""
        event = next(
            each
            for each in reversed(self.books.events)
            if each["type"] == kind and reference in {each["data"]["object"].get(of) for of in ("id", "payment_intent")}
        )
        return sign(json.dumps(event, indent=2).encode(), at=at, secret=secret)

    def answer(self, method: str, path: str, params: Json, headers: Any) -> tuple[int, Json, dict[str, str]]:
        """The status, body and headers of one request. Raises ConnectionAbortedError where none is to come."""
        self.requests.append((method, path))
        try:
            _authenticate(headers.get("Authorization"))
            if method == "GET":
                with self._lock:
                    return 200, self._route(method, path, params), {}
            return self._write(path, params, headers.get("Idempotency-Key"))
        except ApiError as error:
            return error.status, {"error": error.error}, {"Retry-After": "7"} if error.status == 429 else {}

    def _write(self, path: str, params: Json, key: str | None) -> tuple[int, Json, dict[str, str]]:
        if self.switches.take("limited"):
            raise ApiError(429, "Request rate limit exceeded.", code="rate_limit")
        if self.switches.take("drop_request"):
            raise ConnectionAbortedError
        with self._lock:
            kept = self.keys.get(key or "")
            if kept is None:
                kept = Kept(asked=(path, params))
                if key:
                    self.keys[key] = kept
            else:
                return self._again(kept, key or "", (path, params))
        if hold := self.switches.take("hold"):
            self.switches.holding.set()
            hold.wait(30)
        with self._lock:
            kept.status, kept.body = self._execute(path, params)
            if kept.body.get("error", {}).get("code") in NOT_KEPT:
                self.keys.pop(key or "", None)
        if self.switches.take("drop_answer"):
            raise ConnectionAbortedError
        return kept.status, kept.body, {}

    def _again(self, kept: Kept, key: str, asked: tuple[str, Json]) -> tuple[int, Json, dict[str, str]]:
        if kept.asked != asked:
            error = ApiError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
            )
            error.error["type"] = "idempotency_error"
            raise error
        if kept.status is None or kept.body is None:
            message = "There is currently another in-progress request using this Idempotent Key."
            raise ApiError(409, message, code="idempotency_key_in_use")
        return kept.status, kept.body, {"Idempotent-Replayed": "true"}

    def _execute(self, path: str, params: Json) -> tuple[int, Json]:
        try:
            body = self._route("POST", path, params)
        except ApiError as error:
            return error.status, {"error": error.error}
        if self.switches.take("fail_after"):
            return 500, {"error": {"type": "api_error", "message": "An unknown error occurred."}}
        return 200, body

    def _route(self, method: str, path: str, params: Json) -> Json:
        books = self.books
        routes: list[tuple[str, str, Callable[..., Json]]] = [
            ("GET", "/v1/balance", books.balance),
            ("GET", "/v1/events", lambda: books.list_events(params)),
            ("POST", "/v1/customers", lambda: books.create_customer(params)),
            ("GET", "/v1/customers/{}", books.customer),
            ("GET", "/v1/payment_methods/{}", books.method),
            ("POST", "/v1/payment_methods/{}/attach", lambda name: books.attach(name, params)),
            ("POST", "/v1/payment_intents", lambda: books.create_intent(params)),
            ("GET", "/v1/payment_intents", lambda: books.list_intents(params)),
            ("GET", "/v1/payment_intents/search", lambda: books.search_intents(params)),
            ("GET", "/v1/payment_intents/{}", lambda name: books.intent(name, params)),
            ("POST", "/v1/payment_intents/{}/confirm", lambda name: books.confirm(name, params)),
            ("POST", "/v1/payment_intents/{}/cancel", lambda name: books.cancel(name, params)),
            ("POST", "/v1/refunds", lambda: books.create_refund(params)),
            ("GET", "/v1/refunds", lambda: books.list_refunds(params)),
            ("GET", "/v1/refunds/{}", books.refund),
        ]
        for verb, pattern, answer in routes:
            matched = re.fullmatch(pattern.replace("{}", "([^/]+)"), path)
            if verb == method and matched:
                return answer(*matched.groups())
        raise ApiError(404, f"Unrecognized request URL ({method}: {path}).")

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._respond(urlsplit(self.path).query)

            def do_POST(self) -> None:
                self._respond(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

            def _respond(self, encoded: str) -> None:
                try:
                    status, body, headers = server.answer(
                        self.command, urlsplit(self.path).path, nested(encoded), self.headers
                    )
                except ConnectionAbortedError:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                payload = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(payload)),
                    "Request-Id": f"req_{len(server.requests)}",
                    "Connection": "close",
                    **headers,
                }.items():
                    self.send_header(name, value)
                with suppress(ConnectionError):  # who asked may have gone
                    self.end_headers()
                    self.wfile.write(payload)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
                """Say nothing on the tests' output."""

        return Handler


def _authenticate(authorization: str | None) -> None:
    if authorization != f"Bearer {SECRET_KEY}":
        raise ApiError(401, "Invalid API Key provided: sk_test_****")


def sign(payload: bytes, *, at: float | None = None, secret: str = WEBHOOK_SECRET) -> tuple[bytes, dict[str, str]]:
    """Stripe's signature of a body (https://docs.stripe.com/webhooks#verify-manually)."""
    timestamp = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + payload, hashlib.sha256).hexdigest()
    return payload, {"Stripe-Signature": f"t={timestamp},v1={digest}"}


def nested(encoded: str) -> Json:
    """Form parameters with brackets as objects and lists: `metadata[a]=1&expand[0]=x`."""
    found: Json = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        first, *rest = re.findall(r"[^\[\]]+", name)
        if not rest and not name.endswith("[]"):
            found[first] = value
        elif not rest or rest[0].isdecimal():
            found.setdefault(first, []).append(value)
        else:
            found.setdefault(first, {})[rest[0]] = value
    return found


@contextmanager
def stripe_server() -> Iterator[StripeServer]:
    """The server while it runs."""
    server = StripeServer()
    try:
        yield server
    finally:
        server.stop()
