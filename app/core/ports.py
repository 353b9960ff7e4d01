"""What the factory wired: one instance per kind (a port's type), reachable from a session and nowhere else.

Explicit and typed: a kind added twice raises, a kind that nobody added raises when it is asked for.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from sqlalchemy.orm import Session

PORTS = "ports"

T = TypeVar("T")


class Ports:
    """Instances by kind. Filled while the application is wired, read afterwards."""

    def __init__(self) -> None:
        self._instances: dict[type[Any], Any] = {}

    def add(self, kind: type[T], instance: T) -> None:
        if kind in self._instances:
            message = f"{kind.__name__} is wired twice"
            raise ValueError(message)
        self._instances[kind] = instance

    def get(self, kind: type[T]) -> T:
        """The instance of that kind. Raises LookupError when none was wired."""
        try:
            return cast("T", self._instances[kind])
        except KeyError:
            message = f"no {kind.__name__} is wired"
            raise LookupError(message) from None

    def find(self, kind: type[T]) -> T | None:
        return cast("T | None", self._instances.get(kind))


def ports(session: Session) -> Ports:
    """The ports of the database that this session came from."""
    return cast("Ports", session.info[PORTS])


def port(session: Session, kind: type[T]) -> T:
    """The port of that kind, as wired. Raises LookupError when there is none."""
    return ports(session).get(kind)
