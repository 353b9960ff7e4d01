"""Whether what was started answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx

from app.cli.errors import Failed
from app.core.settings import Settings
from app.embedded.machine import LOOPBACK
from app.embedded.supervisor import Supervisor

START_SECONDS = 120.0
ANSWER_SECONDS = 2.0
LOOK_SECONDS = 0.1


def client(base_url: str = "", *, timeout_s: float = ANSWER_SECONDS) -> httpx.Client:
    """For addresses of this machine: no proxy of the environment stands between."""
    return httpx.Client(base_url=base_url, timeout=timeout_s, trust_env=False)


def api_address(settings: Settings) -> str:
    """The API as this machine reaches it, wherever it listens."""
    everywhere = settings.api_host in {"0.0.0.0", "::"}  # noqa: S104 - compared, not listened on
    return f"http://{LOOPBACK if everywhere else settings.api_host}:{settings.api_port}"


def wait_until_ready(supervisor: Supervisor, settings: Settings) -> None:
    """Return when API, endpoints and Flower answer. Raises ChildGaveUp, or Failed naming what stayed silent."""
    waiting: dict[str, tuple[str, Callable[[int], bool]]] = {
        "api": (f"{api_address(settings)}/readyz", lambda status: status == httpx.codes.OK),
        "endpoints": (f"http://{LOOPBACK}:{settings.endpoints_port}/", lambda _status: True),
        "flower": (f"http://{LOOPBACK}:{settings.flower_port}/flower/healthcheck", lambda s: s == httpx.codes.OK),
    }
    until = time.monotonic() + START_SECONDS
    with client() as http:
        while waiting:
            supervisor.check()
            for name, (address, fits) in list(waiting.items()):
                if _answers(http, address, fits):
                    del waiting[name]
            if waiting and time.monotonic() > until:
                logs = ", ".join(str(supervisor.log_of(name)) for name in waiting)
                raise Failed(f"{', '.join(waiting)} did not answer within {START_SECONDS:.0f} s: read {logs}.")
            threading.Event().wait(LOOK_SECONDS if waiting else 0)


def _answers(http: httpx.Client, address: str, fits: Callable[[int], bool]) -> bool:
    try:
        return fits(http.get(address).status_code)
    except httpx.TransportError:
        return False
