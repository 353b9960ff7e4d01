"""The peer: the same work as a plain Celery canvas with a Redis result backend; nothing durable but the ledger.

`celery -A benchmarks.peers.raw_celery worker -c 2`. Reads BENCH_BROKER and BENCH_DATABASE.
"""

from __future__ import annotations

import os
from typing import Any

import psycopg
from celery import Celery, chain, chord, group

from benchmarks.workload import LENGTH, WIDTH

app = Celery("raw", broker=os.environ.get("BENCH_BROKER"), backend=os.environ.get("BENCH_BROKER"))
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    task_default_queue="raw",
    result_expires=600,
)
_connection: list[psycopg.Connection[Any]] = []


def connection() -> psycopg.Connection[Any]:
    """One connection for the life of a worker's child."""
    if not _connection:
        _connection.append(psycopg.connect(os.environ["BENCH_DATABASE"], autocommit=True))
    return _connection[0]


@app.task(name="raw.insert")
def insert(workflow: int, step: str) -> None:
    """The work of a step."""
    connection().execute("INSERT INTO benchmark_ledger (workflow, step) VALUES (%s, %s)", (workflow, step))


def seven(workflow: int) -> Any:
    """s1 -> (s2 || s3) -> s4 -> (s5 || s6) -> s7."""
    s = {n: insert.si(workflow, f"s{n}") for n in range(1, 8)}
    return chain(s[1], chord([s[2], s[3]], s[4]), chord([s[5], s[6]], s[7]))


def wide(workflow: int) -> Any:
    """Parallel steps and a join."""
    return chord(group(insert.si(workflow, f"w{n}") for n in range(WIDTH)), insert.si(workflow, "join"))


def long(workflow: int) -> Any:
    """One chain."""
    return chain(*(insert.si(workflow, f"c{n}") for n in range(LENGTH)))


CANVASES = {"seven": seven, "wide": wide, "long": long}
