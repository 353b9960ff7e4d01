"""The peer: DBOS in process. Every step of the workload is a DBOS step, and parallel steps run at the same time.

`python -m benchmarks.peers.dbos_app`: reads BENCH_DATABASE, says `ready.`, and answers each line `SHAPE FIRST COUNT` of its
standard input (run COUNT workflows numbered from FIRST, all at once) with a line: the seconds until all of them were done.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from queue import Empty, LifoQueue
from typing import Any

import psycopg
from dbos import DBOS

from benchmarks.workload import LENGTH, SHAPES, WIDTH

_connections: LifoQueue[psycopg.Connection[Any]] = LifoQueue()


def insert(workflow: int, step: str) -> None:
    """The work of a step, on a connection that no other thread uses."""
    try:
        connection = _connections.get_nowait()
    except Empty:
        connection = psycopg.connect(os.environ["BENCH_DATABASE"], autocommit=True)
    connection.execute("INSERT INTO benchmark_ledger (workflow, step) VALUES (%s, %s)", (workflow, step))
    _connections.put(connection)


async def _step(workflow: int, name: str) -> None:
    await DBOS.run_step_async(None, insert, workflow, name)


@DBOS.workflow()
async def seven(workflow: int) -> None:
    """s1 -> (s2 || s3) -> s4 -> (s5 || s6) -> s7."""
    await _step(workflow, "s1")
    await asyncio.gather(_step(workflow, "s2"), _step(workflow, "s3"))
    await _step(workflow, "s4")
    await asyncio.gather(_step(workflow, "s5"), _step(workflow, "s6"))
    await _step(workflow, "s7")


@DBOS.workflow()
async def wide(workflow: int) -> None:
    """Parallel steps and a join."""
    await asyncio.gather(*(_step(workflow, f"w{n}") for n in range(WIDTH)))
    await _step(workflow, "join")


@DBOS.workflow()
async def long(workflow: int) -> None:
    """One chain."""
    for n in range(LENGTH):
        await _step(workflow, f"c{n}")


WORKFLOWS = {"seven": seven, "wide": wide, "long": long}
assert WORKFLOWS.keys() == SHAPES.keys()


async def _run(shape: str, first: int, count: int) -> None:
    handles = [await DBOS.start_workflow_async(WORKFLOWS[shape], first + n) for n in range(count)]
    for handle in handles:
        await handle.get_result()


def main() -> None:
    """Serve until the input ends."""
    DBOS(
        config={
            "name": "bench",
            "system_database_url": os.environ["BENCH_DATABASE"],
            "executor_id": f"bench-{os.getpid()}",
            "log_level": "ERROR",
        }
    )
    DBOS.launch()
    print("ready.", flush=True)
    for line in sys.stdin:
        shape, first, count = line.split()
        begun = time.perf_counter()
        asyncio.run(_run(shape, int(first), int(count)))
        print(time.perf_counter() - begun, flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    main()
