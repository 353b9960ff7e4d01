"""`turnup jobs`: what beat runs, by hand."""

from __future__ import annotations

import click

from app.cli.errors import Failed
from app.cli.installation import opened
from app.cli.output import json_option, print_json, print_table
from app.jobs import JOBS


@click.group()
def jobs() -> None:
    """What recurs."""


@jobs.command("list")
@json_option
def list_jobs(*, as_json: bool) -> None:
    """Every job, and how often beat runs it."""
    if as_json:
        print_json([{"name": job.name, "every_seconds": job.every, "meaning": job.meaning} for job in JOBS.values()])
        return
    print_table(
        ("Job", "Every", "What it does"),
        ((job.name, _every(job.every), job.meaning) for job in JOBS.values()),
        wrap=("What it does",),
    )


@jobs.command("run")
@click.argument("name")
@json_option
def run_job(name: str, *, as_json: bool) -> None:
    """Run a job now; it does no harm while beat runs it, too."""
    if name not in JOBS:
        raise Failed(f"There is no job “{name}”. There are: {', '.join(JOBS)}.")
    with opened() as world:
        done = JOBS[name].run(world)
    if as_json:
        print_json({"job": name, "done": done})
        return
    click.echo(done)


def _every(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
