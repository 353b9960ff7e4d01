"""`turnup executions bulk VERB`: one verb over a search; `turnup bulk`: how far it is."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy.orm import Session

from app.cli.installation import ACTOR_NAME, acting_as
from app.cli.output import (
    json_option,
    limit_option,
    owner_option,
    print_facts,
    print_heading,
    print_json,
    print_table,
)
from app.cli.searching import search_options
from app.cli.verbs import JsonObject, reason_option, yes_option
from app.core.lists import newest
from app.domains.workflows import schemas
from app.domains.workflows import service as workflows


class Percent(click.ParamType[float]):
    """A percentage, with or without its sign."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Fails with a sentence for anything else, and beyond 0 to 100."""
        try:
            found = float(str(value).removesuffix("%"))
        except ValueError:
            found = -1.0
        if not 0 <= found <= 100:  # noqa: PLR2004 - a percentage
            self.fail(f"{value!r} is no percentage.", param, ctx)
        return found


@click.command("bulk")
@click.argument("verb", type=click.Choice(tuple(workflows.VERBS)))
@search_options
@click.option("--params", type=JsonObject(), metavar="JSON", help='What the verb takes, such as {"steps": ["a"]}.')
@click.option(
    "--canary", type=click.IntRange(0, 1000), default=0, metavar="N", help="So many first; the rest when they got past."
)
@click.option(
    "--rate", type=click.FloatRange(0.01, 100), default=10.0, show_default=True, help="At most so many a second."
)
@click.option("--stop-at", type=Percent(), metavar="PERCENT", help="Stop when more than this fails again.")
@click.option("--preview", is_flag=True, help="Only say how many it is about.")
@reason_option
@yes_option
@owner_option
@json_option
def bulk_verb(
    verb: str,
    filters: dict[str, Any],
    params: dict[str, Any] | None,
    *,
    canary: int,
    rate: float,
    stop_at: float | None,
    reason: str | None,
    owner: str | None,
    preview: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Do a verb to every execution that a search finds; what got past its failed step counts."""
    with acting_as(owner) as session:
        found = workflows.preview_bulk(session, filters=filters)
        if preview:
            _print_preview(verb, found, as_json=as_json)
            return
    if not yes:
        click.confirm(f"{verb} {_executions(found.count)}?", abort=True, err=True)
    with acting_as(owner) as session:
        made = workflows.create_bulk(
            session,
            verb=verb,
            filters=filters,
            params=params,
            reason=reason,
            canary=canary,
            rate=rate,
            stop_at=stop_at,
            created_by=ACTOR_NAME,
            permissions=["*"],
        )
        document = _document(session, made)
    if as_json:
        print_json(document)
    else:
        click.echo(
            f"Bulk operation {document['id']} is about {_executions(document['total'])}: `turnup bulk show {document['id']}`."
        )


@click.group("bulk")
def bulks() -> None:
    """Verbs over a search that are, or were, under way."""


@bulks.command("list")
@limit_option
@owner_option
@json_option
def list_bulks(limit: int, owner: str | None, *, as_json: bool) -> None:
    """Bulk operations, newest first."""
    with acting_as(owner) as session:
        found = newest(session, workflows.list_bulks(), limit=limit)
        if as_json:
            print_json(schemas.BulkOut(many=True).dump(found))
            return
        print_table(
            ("Id", "Verb", "State", "Executions", "Made", "Reason"),
            ((b.id, b.verb, b.state, b.total, b.created_at, b.reason) for b in found),
            wrap=("Reason",),
            empty="There are no bulk operations.",
        )


@bulks.command("show")
@click.argument("bulk_id", type=int)
@owner_option
@json_option
def show_bulk(bulk_id: int, owner: str | None, *, as_json: bool) -> None:
    """How many executions got past what had failed."""
    with acting_as(owner) as session:
        _print(session, workflows.get_bulk(session, bulk_id=bulk_id), as_json=as_json)


@bulks.command("stop")
@click.argument("bulk_id", type=int)
@reason_option
@owner_option
@json_option
def stop_bulk(bulk_id: int, reason: str | None, owner: str | None, *, as_json: bool) -> None:
    """Ask no more executions; those that were asked go on."""
    with acting_as(owner) as session:
        _print(session, workflows.stop_bulk(session, bulk_id=bulk_id, reason=reason), as_json=as_json)


@bulks.command("resume")
@click.argument("bulk_id", type=int)
@reason_option
@owner_option
@json_option
def resume_bulk(bulk_id: int, reason: str | None, owner: str | None, *, as_json: bool) -> None:
    """Go on with a stopped one, without canary and limit."""
    with acting_as(owner) as session:
        _print(session, workflows.resume_bulk(session, bulk_id=bulk_id, reason=reason), as_json=as_json)


def _document(session: Session, bulk: workflows.BulkOperation) -> dict[str, Any]:
    report = workflows.bulk_report(session, bulk_id=bulk.id)
    document: dict[str, Any] = schemas.BulkOut().dump(bulk)
    return document | {"report": schemas.BulkReportOut().dump(report)}


def _print(session: Session, bulk: workflows.BulkOperation, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(session, bulk))
        return
    report = workflows.bulk_report(session, bulk_id=bulk.id)
    print_facts(
        (
            ("Bulk operation", f"{bulk.id}: {bulk.verb}"),
            ("State", bulk.state),
            ("Stopped because", bulk.stopped_because),
            ("Reason", bulk.reason),
            ("Executions", bulk.total),
            ("Got past", report.got_past),
            ("Failed again", report.failed_again),
            ("Refused", report.refused),
            ("Under way", report.under_way),
            ("Not asked yet", report.pending),
            ("Made", bulk.created_at),
            ("Ended", bulk.completed_at),
        )
    )
    if report.problems:
        print_heading("The first that did not get past")
        print_table(
            ("Execution", "State", "Why"),
            ((p.execution_id, p.state, p.message) for p in report.problems),
            wrap=("Why",),
        )


def _print_preview(verb: str, found: workflows.Preview, *, as_json: bool) -> None:
    if as_json:
        sample = schemas.ExecutionOut(many=True).dump(found.sample)
        print_json({"verb": verb, "total": found.count, "sample": sample})
        return
    click.echo(f"{verb} would be about {_executions(found.count)}.")
    if found.sample:
        print_table(
            ("Id", "Workflow", "Status", "About", "Error"),
            (
                (
                    e.id,
                    e.workflow_name,
                    workflows.shown_status(e.state, e.rollback),
                    e.correlation_id,
                    (e.error or {}).get("message"),
                )
                for e in found.sample
            ),
            wrap=("About", "Error"),
        )


def _executions(count: int) -> str:
    return f"{count} execution{'s' * (count != 1)}"
