"""`python -m chaos`: break the stack, count what is lost or doubled, print a table, write var/chaos.json."""

from __future__ import annotations

import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console

from chaos import report
from chaos.faults import FAULTS
from chaos.programme import GRACE_SECONDS, Plan, Result, run
from chaos.stack import Stack
from chaos.workflows import WORKFLOWS

WIDTH = 200
TERMINATED = 143


@click.command()
@click.option("--seconds", default=1800.0, envvar="SECONDS", show_default=True, help="faults fall for at least so long")
@click.option("--orders", default=2000, envvar="ORDERS", show_default=True, help="orders to place in that time")
@click.option("--seed", type=int, envvar="SEED", help="repeats the choices of another run; default: a random one")
@click.option("--lease", default=30.0, envvar="LEASE", show_default=True, help="TURNUP_LEASE_SECONDS of the stack")
@click.option("--at-once", is_flag=True, help="let faults overlap: every kind once in --seconds; no bar for recovery")
@click.option("--only", multiple=True, type=click.Choice(list(FAULTS)), help="only this kind of fault (repeatable)")
@click.option(
    "--workflow",
    "workflows",
    multiple=True,
    type=click.Choice([made.name for made in WORKFLOWS]),
    help="only this workflow beside the orders (repeatable)",
)
@click.option("--keep", is_flag=True, help="keep the folder of the stack in any case")
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("var/chaos.json"), show_default=True, help="the JSON file"
)
def main(
    *,
    seconds: float,
    orders: int,
    seed: int | None,
    lease: float,
    at_once: bool,
    only: tuple[str, ...],
    workflows: tuple[str, ...],
    keep: bool,
    output: Path,
) -> None:
    """Start the real stack in a folder of its own, drive orders through it, and break whatever can break.

    Ends with status 1 when anything is lost, doubled, stuck or left over, a history has a gap, or recovery takes longer
    than the lease and five seconds.
    """
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    plan = Plan(
        seconds=seconds,
        orders=orders,
        lease_seconds=lease,
        seed=secrets.randbelow(2**32) if seed is None else seed,
        at_once=at_once,
        faults=only or tuple(FAULTS),
        workflows=tuple(made for made in WORKFLOWS if not workflows or made.name in workflows),
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    folder = Path(tempfile.mkdtemp(prefix="turnup-chaos-"))
    console.print(f"SEED={plan.seed}, in {folder}")

    def show(stack: Stack, result: Result) -> None:
        report.print_violations(console, stack, result)

    result = run(folder, plan, say=lambda sentence: console.print(sentence, markup=False), show=show)
    report.print_table(console, result, plan)
    report.write(output, result, plan)
    console.print(f"written to {output}")
    slow = [] if at_once else result.slow(within=lease + GRACE_SECONDS)
    for sentence in slow:
        console.print(f"too slow: {sentence}", markup=False, style="red")
    if result.counted.violations or slow or keep:
        console.print(f"SEED={plan.seed}; the databases and logs are kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if result.counted.violations or slow else 0)


if __name__ == "__main__":
    main()
