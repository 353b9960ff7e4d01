"""A sample order, placed over HTTP as a customer and an administrator would, and followed until it is active."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console

from app.cli.errors import Failed
from app.cli.following import Look, follow
from app.cli.up.readiness import api_address, client
from app.core.settings import Settings

ORDER_SECONDS = 180.0
ANSWER_SECONDS = 30.0
SILENCE_SECONDS = 20.0
"""A stream says something at least each 15 s."""

ENDED = ("active", "failed", "cancelled")
SLUG_ALPHABET = "bcdfghjkmnpqrstvwxz23456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An order that became active."""

    order_id: int
    order_number: str
    slug: str
    url: str


def run_sample(settings: Settings, *, console: Console, check: Callable[[], None]) -> Sample:
    """Place, submit and follow a professional order with a fresh slug; returns it when it is active.

    `check` raises when a process could not be kept running. Raises Failed with the reason otherwise.
    """
    slug = "sample-" + "".join(secrets.choice(SLUG_ALPHABET) for _ in range(6))
    with client(api_address(settings), timeout_s=ANSWER_SECONDS) as http:
        placed = _post(
            http,
            "/api/public/orders/quick",
            {
                "email": "sample.customer@example.com",
                "name": "Sample Customer",
                "company": f"Sample ISP {slug.removeprefix('sample-')}",
                "package_code": "professional",
                "billing_cycle": "monthly",
                "organization_slug": slug,
            },
            headers={"Idempotency-Key": secrets.token_hex(16)},
        )
        number: str = placed["order_number"]
        token = _sign_in(http, settings)
        authorised = {"Authorization": f"Bearer {token}"}
        _post(http, f"/api/v1/orders/{placed['id']}/submit", {"auto_activate": True}, headers=authorised)
        last = follow(_looks(http, number, check), title=number, console=console)
        if last is None or not last.is_active:
            raise Failed(_why(http, authorised, placed["id"], number, last))
        status = _get(http, f"/api/public/orders/{number}/status")
    _require_answer(settings, slug, status["activation_url"])
    return Sample(order_id=placed["id"], order_number=number, slug=slug, url=status["activation_url"])


def _looks(http: httpx.Client, number: str, check: Callable[[], None]) -> Iterator[Look]:
    """What the order's event stream says; opened anew when it breaks off."""
    until = time.monotonic() + ORDER_SECONDS
    look = None
    while look is None or look.status not in ENDED:
        check()
        if time.monotonic() > until:
            raise Failed(
                f"The sample order {number} is still {look.status if look else 'unheard of'} after "
                f"{ORDER_SECONDS:.0f} s; the workers' logs say what they do."
            )
        try:
            for look in _stream(http, number):
                yield look
                if look.status in ENDED or time.monotonic() > until:
                    break
        except httpx.TransportError:
            continue


def _stream(http: httpx.Client, number: str) -> Iterator[Look]:
    with http.stream("GET", f"/api/public/orders/{number}/events", timeout=SILENCE_SECONDS) as response:
        if response.is_error:
            response.read()
            raise Failed(f"The sample order cannot be followed: {_said(response)}")
        for line in response.iter_lines():
            _, is_data, text = line.partition("data: ")
            if is_data and (state := json.loads(text)):
                yield Look(state["status"], state["status_message"], state["progress_percent"])


def _sign_in(http: httpx.Client, settings: Settings) -> str:
    credentials = {"email": settings.admin_email, "password": settings.admin_password}
    token: str = _post(http, "/api/v1/auth/login", credentials, headers={})["access_token"]
    return token


def _post(http: httpx.Client, path: str, body: dict[str, Any], *, headers: dict[str, str]) -> dict[str, Any]:
    return _document(http.post(path, json=body, headers=headers), path)


def _get(http: httpx.Client, path: str, **options: Any) -> dict[str, Any]:
    return _document(http.get(path, **options), path)


def _document(response: httpx.Response, path: str) -> dict[str, Any]:
    """The JSON answer. Raises Failed with what the API says is wrong."""
    if response.is_error:
        raise Failed(f"The sample order cannot be placed: {path} answers {response.status_code}: {_said(response)}")
    document: dict[str, Any] = response.json()
    return document


def _said(response: httpx.Response) -> str:
    try:
        problem = response.json()
    except ValueError:
        return response.reason_phrase
    faults = [f"{fault.get('pointer')}: {fault.get('message')}" for fault in problem.get("errors", ())]
    return " ".join([str(problem.get("detail") or problem.get("title")), *faults])


def _why(http: httpx.Client, authorised: dict[str, str], order_id: int, number: str, last: Look | None) -> str:
    """Why the order is not active: what its customer reads, and what its operators do."""
    told = f"The sample order {number} ended as {last.status if last else 'lost'}: {last.message if last else 'no word of it'}"
    order = _get(http, f"/api/v1/orders/{order_id}", headers=authorised)
    if order.get("execution_id") is None:
        return told
    execution = _get(http, f"/api/v1/workflows/executions/{order['execution_id']}", headers=authorised)
    error = execution.get("error") or {}
    where = f"step {error['step']}, " if error.get("step") else ""
    said = (str(error.get("message", "")).splitlines() or [""])[0]
    detail = f" ({where}{error.get('type')}: {said})" if error else ""
    return f"{told}{detail} To look at it start with --no-sample, and see `turnup executions show {execution['id']}`."


def _require_answer(settings: Settings, slug: str, url: str) -> None:
    """Raises Failed unless the tenant's address answers on this machine (asked by number: not every resolver knows *.localhost)."""
    host = httpx.URL(url).host
    with client() as http:
        answer = http.get(f"http://127.0.0.1:{settings.endpoints_port}/health", headers={"Host": host})
    if answer.status_code != httpx.codes.OK:
        raise Failed(f"The tenant {slug} is active, but {url} answers {answer.status_code}: read endpoints.log.")
