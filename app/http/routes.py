"""What every route declares about itself; kept with its view, so that a test can read it from the finished application."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from flask import Flask

ATTRIBUTE = "turnup_route"


class Access(Enum):
    """Who may call where no permission is asked for."""

    PUBLIC = "public"
    """Anybody, rate-limited per address."""
    AUTHENTICATED = "authenticated"
    """Any signed-in user."""


PUBLIC = Access.PUBLIC
AUTHENTICATED = Access.AUTHENTICATED


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, and who may call it: a permission's name, or one of Access."""

    method: str
    path: str
    needs: str | Access
    idempotent: bool = False


def declare(view: Callable[..., Any], route: Route) -> None:
    setattr(view, ATTRIBUTE, route)


def declared(app: Flask) -> Iterator[tuple[str, Route | None]]:
    """Every rule of the application with what its view declared, None for a view that declared nothing."""
    for rule in app.url_map.iter_rules():
        yield rule.rule, getattr(app.view_functions[rule.endpoint], ATTRIBUTE, None)
