"""The options by which executions are found, as one argument `filters`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from app.domains.workflows import schemas

_OPTIONS = (
    click.option("--status", type=click.Choice(schemas.EXECUTION_STATUSES), help="Only these."),
    click.option("--workflow", metavar="NAME", help="Only of this workflow."),
    click.option("--correlation", metavar="KEY", help="Only with this business key, such as an order's number."),
    click.option("--from", "since", type=click.DateTime(), help="Made then or later (UTC)."),
    click.option("--to", "until", type=click.DateTime(), help="Made before (UTC)."),
    click.option("--error", metavar="TEXT", help="Only failures that say this."),
    click.option("--failed-step", metavar="NAME", help="Only those that this step stopped."),
    click.option("--trigger", type=click.Choice(schemas.TRIGGERS), help="Only those that this started."),
)
_NAMES = ("status", "workflow", "correlation", "since", "until", "error", "failed_step", "trigger")


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a search, given to the command as the dictionary `filters`, without those that were not said."""

    @functools.wraps(command)
    def searching(**arguments: Any) -> Any:
        said = {name: arguments.pop(name) for name in _NAMES}
        filters = {name: _aware(value) for name, value in said.items() if value is not None}
        return command(filters=filters, **arguments)

    wrapped: Callable[..., Any] = searching
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
