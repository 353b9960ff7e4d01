"""`turnup integrations`: the outside systems, and asking one again that is left alone."""

from __future__ import annotations

import click

from app.cli.installation import acting_as, opened
from app.cli.output import json_option, print_json, print_table
from app.domains.workflows import schemas, service


@click.group()
def integrations() -> None:
    """The outside systems that operations need."""


@integrations.command("list")
@json_option
def list_integrations(*, as_json: bool) -> None:
    """Every outside system: whether it is left alone because it failed, and how many steps it holds back."""
    with opened() as world, world.across.transaction() as session:
        found = service.list_integrations(session)
    if as_json:
        print_json(schemas.IntegrationOut(many=True).dump(found))
        return
    print_table(
        ("Integration", "State", "Not before", "Limit", "Held", "Last error"),
        ((i.name, i.state, i.retry_at, i.limit, i.held, i.last_error) for i in found),
        wrap=("Limit", "Last error"),
        empty="No operation names an integration.",
    )


@integrations.command("reset")
@click.argument("name")
@click.option("--reason", help="Why, for the audit log.")
@json_option
def reset_integration(name: str, reason: str | None, *, as_json: bool) -> None:
    """Ask a system again that is left alone because it failed; what it holds back goes on, at its rate."""
    with acting_as(None) as session:
        found = service.reset_integration(session, name=name, reason=reason)
    if as_json:
        print_json(schemas.IntegrationOut().dump(found))
        return
    click.echo(f"{found.name} is asked again.")
