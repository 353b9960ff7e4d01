"""How cost grows: with the size of a graph, the width of a fan-out, the steps a worker has run, the executions in the tables.

The costs of a step are the seconds that its execution took and the workers' processor time, each divided by the steps.
"""

from __future__ import annotations

import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from benchmarks.stack import stack as bench_stack
from benchmarks.workload import SEVEN, Shape, blocks, chain, fan_out, step

GRAPHS = (10, 100, 1000)
FAN_OUTS = (10, 100, 999)
ELEMENTS = (10, 100, 1000, 10_000)
MAX_PARALLEL = 100
STEPS_EACH = 1000
"""Steps that each size runs at least in each round, so that all are measured equally long."""

COMPILE_TIMES = 20
IDLE_STARTS = 50
SINGLE, MANY = 50, 200
HISTORY_ROUNDS = 6
SIZE_ROUNDS = 3
MEASURES = ("ms", "cpu_ms", "start_ms", "resident_mb")
RESIDENT_SAMPLES = 20

BARS = {
    "graph_cost_growth": ("dearest step of 100 and 1,000 / step of 10", 1.2),
    "fan_out_10000_to_100": ("step of a fan-out of 10,000 / of 100", 1.5),
    "compile_1000_ms": ("compile 1,000 steps, ms", 100.0),
    "largest_message_bytes": ("largest message, bytes", 4096.0),
    "start_p50_ms": ("start to first step, idle, p50 ms", 30.0),
    "resident_growth": ("worker memory, last / first fifth", 1.05),
    "history_L": ("L beside finished executions / without", 1.1),
    "history_T": ("time of T beside finished executions / without", 1.1),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step of one graph cost. Times in ms per step, memory in MB of all workers."""

    name: str
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
            found["graphs"] = _by_turns([_graph(stack, ours, blocks(number // 10)) for number in GRAPHS], say)
            found["chains"] = _by_turns([_graph(stack, ours, chain(number)) for number in GRAPHS], say)
            found["fan_outs"] = _by_turns([_graph(stack, ours, fan_out(width)) for width in FAN_OUTS], say)
        found["largest_message_bytes"] = largest[0]
        found["for_each"] = _by_turns([_elements(stack, ours, n) for n in ELEMENTS if n <= size.elements], say)
    with running(stack, events=False) as ours:
        found["resident_mb"] = _resident(stack, ours, size.steps, say)
        with bench_stack() as other, running(other, events=False) as empty:
            define_shapes(other)
            found["history"] = _history(stack, ours, empty, size.finished, say)
            ledger.check(other, empty.ran())
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


def _by_turns(turns: Sequence[Callable[[], Cost]], say: Callable[[str], object]) -> list[dict[str, Any]]:
    """Medians of each size's costs, and of how its CPU per step compares with that of each size in the same round."""
    rounds = []
    for _ in range(SIZE_ROUNDS):
        costs = [turn() for turn in turns]
        say("; ".join(f"{cost.name}: {cost.ms:.2f} ms and {cost.cpu_ms:.2f} ms of CPU a step" for cost in costs))
        rounds.append(costs)
    return [
        asdict(costs[0])
        | {measure: statistics.median(getattr(cost, measure) for cost in costs) for measure in MEASURES}
        | {"cpu_to": {of: _ratio(costs, others) for of, others in _named(rounds)}}
        for costs in zip(*rounds, strict=True)
    ]


def _named(rounds: list[list[Cost]]) -> Iterator[tuple[str, tuple[Cost, ...]]]:
    return ((costs[0].name, costs) for costs in zip(*rounds, strict=True))


def _ratio(costs: Sequence[Cost], others: Sequence[Cost]) -> float:
    return statistics.median(cost.cpu_ms / other.cpu_ms for cost, other in zip(costs, others, strict=True))


def _graph(stack: Stack, ours: Turnup, shape: Shape) -> Callable[[], Cost]:
    define(stack, [shape.document()])
    ours.one(shape)

    def turn() -> Cost:
        executions, cost = _one_by_one(ours, shape.name, len(shape))
        ledger.check(stack, dict.fromkeys(executions, shape))
        return cost

    return turn


def _elements(stack: Stack, ours: Turnup, number: int) -> Callable[[], Cost]:
    """A step that runs once for each of so many elements."""
    name = f"each_{number}"
    each = step("each", [], for_each="${items}", max_parallel=MAX_PARALLEL)
    define(stack, [{"name": name, "version": "1.0.0", "steps": [each]}])

    def turn() -> Cost:
        executions, cost = _one_by_one(ours, name, number, {"items": list(range(number))})
        for execution in executions:
            rows = stack.sql(f"SELECT count(*) FROM benchmark_ledger WHERE workflow = {execution}")[0][0]
            if rows != number:
                message = f"{rows} rows of {number} elements"
                raise ledger.LedgerWrong(message)
        return cost

    return turn


def _one_by_one(
    ours: Turnup, workflow: str, steps: int, context: Mapping[str, Any] | None = None
) -> tuple[list[int], Cost]:
    """So many executions that a thousand steps run at least, each started when the one before has ended."""
    executions: list[int] = []
    before, begun, starting = cpu_seconds(ours.pids), time.perf_counter(), 0.0
    for _ in range(max(1, STEPS_EACH // steps)):
        at = time.perf_counter()
        executions.append(ours.start(workflow, context))
        starting += time.perf_counter() - at
        ours.wait(executions[-1:])
    ran = steps * len(executions) / 1000
    return executions, Cost(
        name=workflow,
        steps=steps,
        executions=len(executions),
        ms=(time.perf_counter() - begun) / ran,
        cpu_ms=(cpu_seconds(ours.pids) - before) / ran,
        start_ms=starting * 1000 / len(executions),
        resident_mb=resident_bytes(ours.pids) / 1e6,
    )


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
                    largest[0] = max([largest[0], *map(len, re.split(r' (?=\{"body")', text)[1:])])
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


def _history(stack: Stack, ours: Turnup, empty: Turnup, finished: int, say: Callable[[str], object]) -> dict[str, Any]:
    """L and T beside so many finished executions and without them, turn by turn on two stacks: medians of each turn's ratio.

    One after the other would compare two moments of the machine.
    """
    _fill(stack, finished)
    say(f"{finished} finished executions in the tables")
    for side in (ours, empty):
        side.burst(SEVEN, MANY)
    latencies, slowdowns = [], []
    for turn in range(HISTORY_ROUNDS):
        # who is first takes turns, too
        measured = {side: _l_and_t(side) for side in ((ours, empty) if turn % 2 else (empty, ours))}
        (full_l, full_t), (empty_l, empty_t) = measured[ours], measured[empty]
        latencies.append(full_l / empty_l)
        slowdowns.append(full_t / empty_t)
        say(
            f"L {full_l * 1000:.1f} ms beside them, {empty_l * 1000:.1f} ms without; T {full_t:.2f} s and {empty_t:.2f} s"
        )
    ledger.check(stack, ours.ran())
    return {"finished": finished, "L": statistics.median(latencies), "T": statistics.median(slowdowns)}


def _l_and_t(side: Turnup) -> tuple[float, float]:
    """Seconds: the median of one at a time, and of many at once until all are done."""
    return statistics.median(side.one(SEVEN) for _ in range(SINGLE)), side.burst(SEVEN, MANY)


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
    smallest, *larger = found["graphs"]
    hundred, widest = (f"each_{ELEMENTS[n]}" for n in (1, -1))
    each = {cost["name"]: cost for cost in found["for_each"]}
    resident = [mb for _, mb in found["resident_mb"]]
    fifth = max(1, len(resident) // 5)
    history = found["history"]
    figures = {
        "graph_cost_growth": max(graph["cpu_to"][smallest["name"]] for graph in larger),
        "compile_1000_ms": max(found["compile_ms"].values()),
        "largest_message_bytes": found["largest_message_bytes"],
        "start_p50_ms": found["start_p50_ms"],
        "resident_growth": statistics.mean(resident[-fifth:]) / statistics.mean(resident[:fifth]),
        "history_L": history["L"],
        "history_T": history["T"],
    }
    return figures | ({"fan_out_10000_to_100": each[widest]["cpu_to"][hundred]} if widest in each else {})


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
