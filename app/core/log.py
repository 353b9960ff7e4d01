"""Logs: one line an event, with what it is about (order number, execution, step, tenant, trace) from the context.

JSON in production, readable otherwise. Values are never secrets; e-mail addresses are masked by `masked`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType

from app.core.settings import Settings

_EACH_TASK = ("celery.worker.strategy", "celery.app.trace")
"""What says of every task that it was received and done; the execution's history says that, and these lines are for DEBUG."""

_ABOUT: ContextVar[Mapping[str, object]] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(**fields: object) -> Iterator[None]:
    """Everything logged inside carries these fields."""
    token = _ABOUT.set({**_ABOUT.get(), **fields})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def masked(email: str) -> str:
    """`j***@example.com`."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}***@{domain}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_ABOUT.get(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={value}" for name, value in _ABOUT.get().items())
        return f"{super().format(record)}{' [' + fields + ']' if fields else ''}"


def configure(settings: Settings) -> None:
    """Send all logs of this process to standard error in the configured form."""
    handler = logging.StreamHandler()
    plain = _Plain("%(asctime)s %(levelname)-7s %(name)s %(message)s")
    handler.setFormatter(_Json() if settings.log_json or settings.production else plain)
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    if settings.log_level != "DEBUG":
        for name in _EACH_TASK:
            logging.getLogger(name).setLevel(logging.WARNING)
