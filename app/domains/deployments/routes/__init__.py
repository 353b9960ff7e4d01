"""Templates and deployments over HTTP, maintenance windows, and what is scheduled."""

from __future__ import annotations

from app.domains.deployments.routes.deployments import deployments
from app.domains.deployments.routes.schedules import schedules
from app.domains.deployments.routes.windows import windows
from app.http.endpoint import Blueprint


def blueprints() -> list[Blueprint]:
    """The routes of this room."""
    return [deployments, windows, schedules]
