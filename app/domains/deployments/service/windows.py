"""Maintenance windows: kept, and read as the rules want them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.db import OWNER
from app.core.errors import Fault
from app.domains.deployments import queries
from app.domains.deployments.errors import TooManyWindows, WindowInvalid, WindowNotFound
from app.domains.deployments.models import MaintenanceWindow
from app.domains.deployments.rules import (
    LONGEST_MINUTES,
    SHORTEST_MINUTES,
    WEEKDAYS,
    Window,
    applicable,
    zone_named,
)
from app.domains.tenants import service as tenants

_FIELDS = ("name", "region", "weekdays", "starts_at", "duration_minutes", "time_zone", "is_active")


def windows_of(session: Session, *, owner_id: UUID, region: str | None) -> list[Window]:
    """The windows that hold for a region of an owner's: its own, else those without a region; none where none are kept."""
    kept = [
        Window(
            weekdays=frozenset(row.weekdays),
            starts_at=row.starts_at,
            duration=timedelta(minutes=row.duration_minutes),
            zone=zone_named(row.time_zone),
            region=row.region,
        )
        for row in queries.windows(session, owner_id=owner_id)
    ]
    return applicable(kept, region=region)


def all_windows() -> Select[MaintenanceWindow]:
    """All maintenance windows, to be paged."""
    return queries.window_page()


def get_window(session: Session, *, window_id: UUID, locked: bool = False) -> MaintenanceWindow:
    """A maintenance window, active or not. Raises WindowNotFound."""
    if window := queries.window(session, window_id, locked=locked):
        return window
    message = "There is no such maintenance window."
    raise WindowNotFound(message)


def create_window(session: Session, *, fields: Mapping[str, Any]) -> MaintenanceWindow:
    """Make a window of these fields; its time zone is the owner's where none is given. Raises WindowInvalid, TooManyWindows.

    What is scheduled outside of it by then begins in the next window after its time.
    """
    if len(queries.windows(session, owner_id=session.info[OWNER], active_only=False)) >= queries.MAX_WINDOWS:
        message = f"There are {queries.MAX_WINDOWS} maintenance windows already."
        raise TooManyWindows(message)
    window = MaintenanceWindow()
    _write(session, window, fields)
    audit.record(session, "maintenance_window.created", _subject(window), after=_picture(window))
    return window


def update_window(session: Session, *, window_id: UUID, fields: Mapping[str, Any]) -> MaintenanceWindow:
    """Change the given fields. Raises WindowNotFound, WindowInvalid."""
    window = get_window(session, window_id=window_id, locked=True)
    before = _picture(window)
    _write(session, window, fields)
    session.refresh(window)  # updated_at is the database's
    audit.record(session, "maintenance_window.updated", _subject(window), before=before, after=_picture(window))
    return window


def delete_window(session: Session, *, window_id: UUID) -> None:
    """Remove a window; what is scheduled stays where it is. Raises WindowNotFound."""
    window = get_window(session, window_id=window_id, locked=True)
    audit.record(session, "maintenance_window.deleted", _subject(window), before=_picture(window))
    session.delete(window)
    session.flush()


def _write(session: Session, window: MaintenanceWindow, fields: Mapping[str, Any]) -> None:
    wanted = {name: getattr(window, name) for name in _FIELDS} | dict(fields)
    wanted["time_zone"] = wanted["time_zone"] or tenants.time_zone(session).key
    wanted["is_active"] = wanted["is_active"] is not False
    if faults := _faults(wanted):
        message = "The maintenance window is not valid."
        raise WindowInvalid(message, faults=faults)
    # in the order of the week, each once
    wanted["weekdays"] = [day for day in WEEKDAYS if day in wanted["weekdays"]]
    for name in _FIELDS:
        setattr(window, name, wanted[name])
    session.add(window)
    session.flush()


def _faults(wanted: Mapping[str, Any]) -> list[Fault]:
    found = []
    if not wanted["weekdays"] or not set(wanted["weekdays"]) <= set(WEEKDAYS):
        found.append(Fault("/weekdays", f"A window opens on one or more of {', '.join(WEEKDAYS)}."))
    if wanted["starts_at"] is None:
        found.append(Fault("/starts_at", "A window opens at a time of the day."))
    if not SHORTEST_MINUTES <= (wanted["duration_minutes"] or 0) <= LONGEST_MINUTES:
        found.append(
            Fault("/duration_minutes", f"A window is open for {SHORTEST_MINUTES} to {LONGEST_MINUTES} minutes.")
        )
    try:
        zone_named(wanted["time_zone"])
    except ValueError as error:
        found.append(Fault("/time_zone", str(error)))
    return found


def _subject(window: MaintenanceWindow) -> str:
    return f"maintenance_window/{window.id}"


def _picture(window: MaintenanceWindow) -> dict[str, Any]:
    picture = {name: getattr(window, name) for name in _FIELDS}
    return picture | {"starts_at": picture["starts_at"].isoformat(timespec="minutes")}
