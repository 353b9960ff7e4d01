"""`turnup engine`: whether workflows start; `turnup schedules`: what starts them by itself."""

from __future__ import annotations

from typing import Any

import click

from app.cli.installation import ACTOR_NAME, acting_as, opened
from app.cli.output import json_option, owner_option, print_json, print_table
from app.cli.verbs import reason_option
from app.core.audit import ACTOR
from app.domains.workflows import schemas
from app.domains.workflows import service as workflows

installation_option = click.option(
    "--owner", metavar="SLUG", help="Only this tenant's workflows (default: the whole installation's)."
)


@click.group()
def engine() -> None:
    """Whether workflows start; what runs is let end in any case."""


@engine.command("off")
@reason_option
@installation_option
@json_option
def switch_off(reason: str | None, owner: str | None, *, as_json: bool) -> None:
    """Start nothing new, such as for maintenance; what is asked for meanwhile is kept."""
    if owner is None:
        with opened() as world, world.across.transaction() as session:
            session.info[ACTOR] = ACTOR_NAME
            workflows.switch_off(session, reason=reason, by=ACTOR_NAME, installation=True)
    else:
        with acting_as(owner) as session:
            workflows.switch_off(session, reason=reason, by=ACTOR_NAME)
    _print_state(owner, as_json=as_json)


@engine.command("on")
@reason_option
@installation_option
@json_option
def switch_on(reason: str | None, owner: str | None, *, as_json: bool) -> None:
    """Start again, also what was asked for meanwhile."""
    if owner is None:
        with opened() as world, world.across.transaction() as session:
            session.info[ACTOR] = ACTOR_NAME
            workflows.switch_on(session, reason=reason, installation=True)
    else:
        with acting_as(owner) as session:
            workflows.switch_on(session, reason=reason)
    _print_state(owner, as_json=as_json)


@engine.command("status")
@installation_option
@json_option
def show_switch(owner: str | None, *, as_json: bool) -> None:
    """Whether workflows start, and who switched off what."""
    _print_state(owner, as_json=as_json)


def _print_state(owner: str | None, *, as_json: bool) -> None:
    with acting_as(owner) as session:
        off = workflows.switch_state(session)
    if as_json:
        print_json(schemas.SwitchOut().dump({"is_on": not off, "off": off}))
        return
    click.echo("Workflows do not start." if off else "Workflows start.")
    if off:
        print_table(
            ("Switched off for", "Since", "By", "Why"),
            ((s.scope, s.at, s.switched_by, s.reason) for s in off),
            wrap=("Why",),
        )


@click.group()
def schedules() -> None:
    """Schedules and events that start workflows."""


@schedules.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those by event.")
@owner_option
@json_option
def list_schedules(owner: str | None, *, everything: bool, as_json: bool) -> None:
    """Schedules with their next tick."""
    with acting_as(owner) as session:
        found = workflows.all_triggers(session, schedules=None if everything else True)
        if as_json:
            print_json([schemas.TriggerOut().dump(trigger) | {"workflow_name": name} for trigger, name in found])
            return
        print_table(
            ("Id", "Workflow", "When", "Zone", "On", "Next", "Last", "Last error"),
            (
                (
                    t.id,
                    name,
                    t.schedule or t.event_type,
                    t.timezone,
                    t.is_active,
                    t.next_at,
                    t.last_fired_at,
                    t.last_error,
                )
                for t, name in found
            ),
            wrap=("When", "Last error"),
            empty="There are no schedules.",
        )


@schedules.command("on")
@click.argument("trigger_id", type=int)
@owner_option
@json_option
def schedule_on(trigger_id: int, owner: str | None, *, as_json: bool) -> None:
    """Switch one of the tenant's own on; it goes on with its next tick from now."""
    _switch(trigger_id, owner, active=True, as_json=as_json)


@schedules.command("off")
@click.argument("trigger_id", type=int)
@owner_option
@json_option
def schedule_off(trigger_id: int, owner: str | None, *, as_json: bool) -> None:
    """Switch one of the tenant's own off."""
    _switch(trigger_id, owner, active=False, as_json=as_json)


def _switch(trigger_id: int, owner: str | None, *, active: bool, as_json: bool) -> None:
    with acting_as(owner) as session:
        trigger = workflows.set_active(session, trigger_id=trigger_id, active=active)
        document: dict[str, Any] = schemas.TriggerOut().dump(trigger)
    if as_json:
        print_json(document)
    else:
        click.echo(f"Trigger {trigger_id} is {'on' if active else 'off'}.")
