"""`turnup workflows`: definitions; `turnup queues`: where workers listen."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy.orm import Session

from app.cli.errors import Failed
from app.cli.installation import acting_as, opened
from app.cli.output import (
    json_option,
    limit_option,
    owner_option,
    print_canvas,
    print_facts,
    print_heading,
    print_json,
    print_table,
)
from app.core.lists import newest
from app.domains.workflows import schemas, service
from app.domains.workflows.errors import WorkflowNotFound
from app.factory import joined_operations
from pipelines.errors import DefinitionError, Fault
from pipelines.loader import parse, validate

INVALID = 1


@click.group()
def workflows() -> None:
    """Workflow definitions."""


@workflows.command("list")
@click.option("--all", "include_inactive", is_flag=True, help="Also those that are switched off.")
@limit_option
@owner_option
@json_option
def list_workflows(limit: int, owner: str | None, *, include_inactive: bool, as_json: bool) -> None:
    """The tenant's own workflows and the built-in ones."""
    with acting_as(owner) as session:
        found = newest(session, service.list_workflows(include_inactive=include_inactive), limit=limit)
        if as_json:
            print_json(schemas.WorkflowOut(many=True).dump(found))
            return
        print_table(
            ("Id", "Name", "Version", "Built in", "Active", "Description"),
            ((w.id, w.name, w.version, w.owner_id is None, w.is_active, w.description) for w in found),
            wrap=("Description",),
            empty="There are no workflows: `turnup workflows sync` installs the built-in ones.",
        )


@workflows.command("show")
@click.argument("name")
@owner_option
@json_option
def show_workflow(name: str, owner: str | None, *, as_json: bool) -> None:
    """A workflow's current definition, and the canvas that it travels as."""
    with acting_as(owner) as session:
        found = _named(session, name)
        document = service.get_version(session, workflow=found).document
        canvas = service.canvas_text(document)
        if as_json:
            print_json(schemas.WorkflowOut().dump(found) | {"definition": document, "canvas": canvas})
            return
        print_facts(
            (
                ("Workflow", f"{found.name} {found.version}"),
                ("Description", found.description),
                ("Tags", found.tags or None),
                ("Active", found.is_active),
                ("Made by", found.created_by),
            )
        )
        print_heading("Steps")
        print_table(
            ("Step", "What it runs", "After", "Critical"),
            ((s["name"], _runs(s), s.get("depends_on", []), s.get("critical", True)) for s in document["steps"]),
            wrap=("What it runs", "After"),
        )
        print_canvas(canvas)


@workflows.command("validate")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@json_option
def validate_file(file: Any, *, as_json: bool) -> None:
    """Check a definition (YAML or JSON; `-`: standard input) without saving it. No database is needed."""
    try:
        report = validate(parse(file.read()), joined_operations())
        faults, warnings = report.faults, report.warnings
    except DefinitionError as error:
        faults, warnings = error.faults, ()
    except UnicodeDecodeError:
        raise Failed(f"{file.name} is no text in UTF-8.") from None
    if as_json:
        print_json(schemas.ValidationOut().dump({"valid": not faults, "errors": faults, "warnings": warnings}))
    else:
        _print_findings(file.name, faults, warnings)
    if faults:
        raise click.exceptions.Exit(INVALID)


@workflows.command("sync")
@json_option
def sync_workflows(*, as_json: bool) -> None:
    """Install the built-in workflows that are new or changed."""
    with opened() as world, world.across.transaction() as session:
        installed = service.sync_builtins(session, operations=world.operations)
    if as_json:
        print_json({"installed": installed})
        return
    click.echo("\n".join(f"Installed {name}." for name in installed) or "Everything was installed already.")


@click.command()
@json_option
def queues(*, as_json: bool) -> None:
    """The queues that workers have to listen to, for `worker.sh worker`."""
    names = joined_operations().queues()
    if as_json:
        print_json(names)
        return
    click.echo(",".join(names))


def _named(session: Session, name: str) -> service.Workflow:
    """The tenant's own workflow of that name, else the built-in one; also one that is switched off."""
    named = service.list_workflows(include_inactive=True).where(service.Workflow.name == name)
    found: service.Workflow | None = session.scalars(
        named.order_by(service.Workflow.owner_id.is_(None)).limit(1)
    ).one_or_none()
    if found is None:
        raise WorkflowNotFound(name)
    return found


def _runs(step: dict[str, Any]) -> str:
    return f"{step['service']}.{step['method']}" if step["type"] == "service_call" else str(step["type"])


def _print_findings(name: str, faults: tuple[Fault, ...], warnings: tuple[Fault, ...]) -> None:
    for fault in faults:
        click.echo(f"{fault.pointer or '/'}: {fault.message}", err=True)
    for warning in warnings:
        click.echo(f"{warning.pointer or '/'}: (warning) {warning.message}", err=True)
    if faults:
        click.echo(f"{name} cannot run: {len(faults)} fault{'s' * (len(faults) > 1)}.", err=True)
    else:
        click.echo(f"{name} can run.")
