"""`python -m benchmarks`: measure, print a table, and write var/bench.json."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks import engine, orders
from benchmarks.stack import stack

FORMATS = {"L": "{:.4f} s", "T": "{:.1f} /s", "O": "{:.2f} s", "C": "{:.2f} s"}


@click.command()
@click.option(
    "--rounds", default=5, envvar="ROUNDS", show_default=True, help="interleaved rounds of the engine's workload"
)
@click.option("--single", default=100, show_default=True, help="workflows one at a time, for L")
@click.option("--many", default=500, show_default=True, help="workflows at once, for T")
@click.option(
    "--orders", "order_count", default=200, envvar="ORDERS", show_default=True, help="orders through the pipeline"
)
@click.option("--events/--no-events", default=True, show_default=True, help="task events on both sides")
@click.option("--only", type=click.Choice(["engine", "orders"]), help="one of the two measurements")
def main(*, rounds: int, single: int, many: int, order_count: int, events: bool, only: str | None) -> None:
    """Measure the engine's seven-step workload beside plain Celery, and orders through the whole pipeline."""
    console = Console()
    written: dict[str, Any] = {"rounds": rounds, "environment": _environment(), "events": events}
    if only != "orders":
        with stack() as servers:
            os.environ |= {
                "BENCH_BROKER": servers.settings.redis_url,
                "BENCH_DATABASE": servers.settings.migration_database_url,
                "BENCH_EVENTS": "on" if events else "off",
            }
            found = engine.measure(servers, rounds=rounds, single=single, many=many, events=events)
        console.print(_engine_table(found))
        console.print(f"ledger: {found['ledger']}")
        written["engine"] = found | {
            "figures": {side: [asdict(figures) for figures in found["figures"][side]] for side in found["figures"]}
        }
    if only != "engine":
        with stack() as servers:
            written["orders"] = orders.measure(servers, orders=order_count)
        console.print_json(data=written["orders"])
    path = Path("var/bench.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(written, indent=1))
    console.print(f"written to {path}")


def _engine_table(found: dict[str, Any]) -> Table:
    table = Table("measure", "turnup (median)", "celery (median)", "ratio, median of rounds")
    for name, form in FORMATS.items():
        middle = [sorted(getattr(f, name) for f in side)[len(side) // 2] for side in found["figures"].values()]
        table.add_row(name, *(form.format(value) for value in middle), f"{found['ratios'][name]:.2f}")
    table.add_row("write transactions per workflow", f"{found['counts']['write_tx']:.2f}", "", "")
    table.add_row("Redis commands per workflow", f"{found['counts']['redis_commands']:.1f}", "", "")
    return table


def _environment() -> dict[str, Any]:
    return {"python": platform.python_version(), "machine": platform.machine(), "cpus": os.cpu_count()}


if __name__ == "__main__":
    main()
