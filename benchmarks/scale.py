"""How cost grows: with the size of a graph, the width of a fan-out, the steps a worker has run, the executions in the tables.

The costs of a step are the seconds that its execution took and the workers' processor time, each divided by the steps.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from redis import Redis
from rich.table import Table

from app.domains.workflows.rules import compile_snapshot
from benchmarks import ledger
from benchmarks.filling import copy_rows, settle
from benchmarks.meters import cpu_seconds, resident_bytes
from benchmarks.sides.turnup import Turnup, define, define_shapes, running
from benchmarks.stack import Stack
from benchmarks.workload import SEVEN, Shape, blocks, chain, fan_out, step

GRAPHS = (10, 100, 1000)
FAN_OUTS = (10, 100, 999)
ELEMENTS = (10, 100, 1000, 10_000)
MAX_PARALLEL = 100
STEPS_EACH = 1000
"""Steps that each size runs at least, so that all are measured equally long."""

COMPILE_TIMES = 20
IDLE_STARTS = 50
SINGLE, MANY = 50, 200
RESIDENT_SAMPLES = 20

BARS = {
    "graph_cost_spread": ("dearest step of 10, 100, 1,000 / cheapest", 1.2),
    "fan_out_10000_to_100": ("step of a fan-out of 10,000 / of 100", 1.5),
    "compile_1000_ms": ("compile 1,000 steps, ms", 100.0),
    "largest_message_bytes": ("largest message, bytes", 4096.0),
    "start_p50_ms": ("start to first step, idle, p50 ms", 30.0),
    "resident_growth": ("worker memory, last / first fifth", 1.05),
    "history_L": ("L with finished executions / without", 1.1),
    "history_T_slowdown": ("time of T with finished executions / without", 1.1),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step of one graph cost. Times in ms per step, memory in MB of all workers."""

    steps: int
    executions: int
    ms: float
    cpu_ms: float
    start_ms: float
    resident_mb: float


@dataclass(frozen=True)
class Size:
    """How much is run. `steps`: for the worker's memory; `finished`: executions put into the tables; `elements`: the widest `for_each`."""

    steps: int = 100_000
    finished: int = 100_000
    elements: int = 10_000


def measure(stack: Stack, size: Size, *, say: Callable[[str], object]) -> dict[str, Any]:
    """All of it; raises where a row of the ledger is missing or doubled."""
    define_shapes(stack)
    found: dict[str, Any] = {"compile_ms": _compile(stack)}
    say(f"compile: {found['compile_ms']}")
    with running(stack, events=False, with_beat=True) as ours:
        ours.burst(SEVEN, 20)
        found["start_p50_ms"], found["start_p95_ms"] = _starts(stack, ours)
        say(f"start to first step: p50 {found['start_p50_ms']:.1f} ms, p95 {found['start_p95_ms']:.1f} ms")
        with _messages(stack) as largest:
            found["graphs"] = [_graph(stack, ours, blocks(number // 10), say) for number in GRAPHS]
            found["chains"] = [_graph(stack, ours, chain(number), say) for number in GRAPHS]
            found["fan_outs"] = [_graph(stack, ours, fan_out(width), say) for width in FAN_OUTS]
        found["largest_message_bytes"] = largest[0]
        found["for_each"] = [_elements(stack, ours, n, say) for n in ELEMENTS if n <= size.elements]
    with running(stack, events=False) as ours:
        found["resident_mb"] = _resident(stack, ours, size.steps, say)
    found["history"] = _history(stack, size.finished, say)
    return found | {"bars": _figures(found), "size": asdict(size)}


def _compile(stack: Stack) -> dict[str, float]:
    """Milliseconds from a checked document to rows, segments' routes included."""
    operations = stack.world.operations

    def once(document: dict[str, Any]) -> float:
        begun = time.perf_counter()
        compile_snapshot(document, operations)
        return (time.perf_counter() - begun) * 1000

    shapes = [*(blocks(number // 10) for number in GRAPHS), chain(1000), fan_out(999)]
    documents = {shape.name: shape.document() for shape in shapes}
    return {
        name: round(statistics.median(once(document) for _ in range(COMPILE_TIMES)), 2)
        for name, document in documents.items()
    }


def _starts(stack: Stack, ours: Turnup) -> tuple[float, float]:
    """Milliseconds from the call that starts to the first step's own statement, with nothing else to do."""
    took = []
    for _ in range(IDLE_STARTS):
        begun = time.time()
        execution = ours.start(SEVEN.name)
        ours.wait([execution])
        query = f"SELECT extract(epoch FROM min(at))::float FROM benchmark_ledger WHERE workflow = {execution}"
        took.append((float(str(stack.sql(query)[0][0])) - begun) * 1000)
        time.sleep(0.05)
    return statistics.median(took), statistics.quantiles(took, n=20)[-1]


def _graph(stack: Stack, ours: Turnup, shape: Shape, say: Callable[[str], object]) -> dict[str, Any]:
    define(stack, [shape.document()])
    ours.one(shape)
    executions = max(1, STEPS_EACH // len(shape))
    started, before, begun, starting = {}, cpu_seconds(ours.pids), time.perf_counter(), 0.0
    for _ in range(executions):
        at = time.perf_counter()
        execution = ours.start(shape.name)
        starting += time.perf_counter() - at
        ours.wait([execution])
        started[execution] = shape
    cost = _cost(
        ours,
        len(shape),
        executions,
        took=time.perf_counter() - begun,
        processor=cpu_seconds(ours.pids) - before,
        starting=starting,
    )
    ledger.check(stack, started)
    ours.ran()
    say(f"{shape.name}: {cost.ms:.2f} ms and {cost.cpu_ms:.2f} ms of CPU a step")
    return {"name": shape.name, **asdict(cost)}


def _elements(stack: Stack, ours: Turnup, number: int, say: Callable[[str], object]) -> dict[str, Any]:
    """A step that runs once for each of so many elements."""
    name = f"each_{number}"
    each = step("each", [], for_each="${items}", max_parallel=MAX_PARALLEL)
    define(stack, [{"name": name, "version": "1.0.0", "steps": [each]}])
    executions = max(1, STEPS_EACH // number)
    before, begun, starting = cpu_seconds(ours.pids), time.perf_counter(), 0.0
    for _ in range(executions):
        at = time.perf_counter()
        execution = ours.start(name, {"items": list(range(number))})
        starting += time.perf_counter() - at
        ours.wait([execution])
        rows = stack.sql(f"SELECT count(*) FROM benchmark_ledger WHERE workflow = {execution}")[0][0]
        if rows != number:
            message = f"{rows} rows of {number} elements"
            raise ledger.LedgerWrong(message)
    cost = _cost(
        ours,
        number,
        executions,
        took=time.perf_counter() - begun,
        processor=cpu_seconds(ours.pids) - before,
        starting=starting,
    )
    say(f"{name}: {cost.ms:.2f} ms and {cost.cpu_ms:.2f} ms of CPU a step")
    return {"name": name, **asdict(cost)}


def _cost(ours: Turnup, steps: int, executions: int, *, took: float, processor: float, starting: float) -> Cost:
    ran = steps * executions / 1000
    resident = resident_bytes(ours.pids) / 1e6
    return Cost(steps, executions, took / ran, processor / ran, starting * 1000 / executions, resident)


@contextmanager
def _messages(stack: Stack) -> Iterator[list[int]]:
    """The size of the largest message that is put into the queue meanwhile, as Redis sees it; `[0]` when the block has ended."""
    largest, stopped = [0], threading.Event()
    client = Redis.from_url(stack.settings.redis_url)

    def watch() -> None:
        with client.monitor() as monitor:
            listening.set()
            for command in monitor.listen():
                text = str(command["command"])
                if text.startswith("LPUSH turnup"):  # the queue's lanes are keys of their own
                    largest[0] = max(largest[0], len(text.split(" ", 2)[2]))
                if stopped.is_set():
                    return

    listening = threading.Event()
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    listening.wait()
    yield largest
    stopped.set()
    client.ping()
    thread.join()


def _resident(stack: Stack, ours: Turnup, steps: int, say: Callable[[str], object]) -> list[tuple[int, float]]:
    """Steps run so far and the workers' resident MB, over so many steps."""
    ours.burst(SEVEN, 50)
    samples: list[tuple[int, float]] = []
    burst = max(1, steps // RESIDENT_SAMPLES // len(SEVEN))
    while (done := samples[-1][0] if samples else 0) < steps:
        ours.burst(SEVEN, burst)
        ledger.check(stack, ours.ran())
        samples.append((done + burst * len(SEVEN), round(resident_bytes(ours.pids) / 1e6, 1)))
        say(f"{samples[-1][0]} steps: workers {samples[-1][1]} MB")
    return samples


def _history(stack: Stack, finished: int, say: Callable[[str], object]) -> dict[str, float]:
    """L and T before and after so many finished executions were put into the tables, on the same workers."""
    with running(stack, events=False) as ours:
        ours.burst(SEVEN, 50)
        before = _l_and_t(ours)
        _fill(stack, finished)
        say(f"{finished} finished executions in the tables")
        ours.burst(SEVEN, 50)
        after = _l_and_t(ours)
        ledger.check(stack, ours.ran())
    return {
        "finished": finished,
        "L_before_ms": before[0] * 1000,
        "L_after_ms": after[0] * 1000,
        "T_before": before[1],
        "T_after": after[1],
    }


def _l_and_t(ours: Turnup) -> tuple[float, float]:
    return statistics.median(ours.one(SEVEN) for _ in range(SINGLE)), MANY / ours.burst(SEVEN, MANY)


def _fill(stack: Stack, number: int) -> None:
    """Copies of an execution that has run, with its steps, history and events."""
    connection = stack.connection
    ((template, last),) = stack.sql(
        "SELECT max(id) FILTER (WHERE state = 'completed'), max(id) FROM workflow_executions"
    )
    of = f"t.execution_id = {template}"
    number_of = {"execution_id": f"{last} + n"}
    copy_rows(
        connection,
        "workflow_executions",
        where=f"t.id = {template}",
        number=number,
        instead={"id": f"{last} + n", "key": "gen_random_uuid()"},
    )
    connection.execute(
        f"SELECT setval(pg_get_serial_sequence('workflow_executions', 'id'), {int(str(last)) + number})".encode()
    )
    steps = number_of | {"idempotency_key": "gen_random_uuid()"}
    copy_rows(connection, "workflow_steps", where=of, number=number, instead=steps)
    copy_rows(connection, "execution_events", where=of, number=number, instead=number_of)
    copy_rows(
        connection,
        "outbox",
        where=f"t.subject = 'execution/{template}'",
        number=number,
        instead={
            "id": "gen_random_uuid()",
            "subject": f"'execution/' || ({last} + n)",
            "published_at": "now()",
            "handled_at": "now()",
        },
    )
    settle(connection, "workflow_executions", "workflow_steps", "execution_events", "outbox")


def _figures(found: dict[str, Any]) -> dict[str, float]:
    """What has a bar."""
    graphs = [graph["cpu_ms"] for graph in found["graphs"]]
    each = {cost["steps"]: cost["cpu_ms"] for cost in found["for_each"]}
    resident = [mb for _, mb in found["resident_mb"]]
    fifth = max(1, len(resident) // 5)
    history = found["history"]
    figures = {
        "graph_cost_spread": max(graphs) / min(graphs),
        "compile_1000_ms": max(found["compile_ms"].values()),
        "largest_message_bytes": found["largest_message_bytes"],
        "start_p50_ms": found["start_p50_ms"],
        "resident_growth": statistics.mean(resident[-fifth:]) / statistics.mean(resident[:fifth]),
        "history_L": history["L_after_ms"] / history["L_before_ms"],
        "history_T_slowdown": history["T_before"] / history["T_after"],
    }
    widest, hundred = ELEMENTS[-1], ELEMENTS[1]
    return figures | ({"fan_out_10000_to_100": each[widest] / each[hundred]} if widest in each else {})


def tables(found: dict[str, Any]) -> Iterator[Table]:
    """The costs by size, and what has a bar."""
    costs = Table("graph", "steps", "executions", "ms a step", "CPU ms a step", "ms to start one", "workers MB")
    for kind in ("graphs", "chains", "fan_outs", "for_each"):
        for cost in found[kind]:
            numbers = (cost["ms"], cost["cpu_ms"], cost["start_ms"], cost["resident_mb"])
            costs.add_row(
                cost["name"], str(cost["steps"]), str(cost["executions"]), *(f"{number:.2f}" for number in numbers)
            )
    yield costs
    bars = Table("scale", "measured", "bar", "")
    for name, (meaning, limit) in BARS.items():
        if name in found["bars"]:
            value = found["bars"][name]
            verdict = "[green]pass[/green]" if value <= limit else "[red]FAIL[/red]"
            bars.add_row(meaning, f"{value:.2f}", f"<= {limit:g}", verdict)
    yield bars
