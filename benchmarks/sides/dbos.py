"""DBOS's side: in process, two processes that each start and run half of the workflows."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.stack import PATH, ROOT, Stack
from benchmarks.workload import Shape

PROCESSES = 2


def is_installed() -> bool:
    """DBOS is a requirement of the benchmark alone: `make bench` installs it."""
    return importlib.util.find_spec("dbos") is not None


class Dbos:
    """Tells the processes what to run, and waits for their answers."""

    def __init__(self, processes: dict[Path, subprocess.Popen[str]]) -> None:
        self.pids = [process.pid for process in processes.values()]
        self._processes = processes
        self._next = time.time_ns()
        self._ran: dict[int, Shape] = {}

    def one(self, shape: Shape) -> float:
        return self._run(shape, [1])

    def burst(self, shape: Shape, number: int) -> float:
        share, rest = divmod(number, len(self._processes))
        return self._run(shape, [share + (n < rest) for n in range(len(self._processes))])

    def _run(self, shape: Shape, shares: list[int]) -> float:
        begun = time.perf_counter()
        asked = dict(zip(self._processes.items(), shares, strict=False))
        for (_, process), share in asked.items():
            assert process.stdin is not None
            process.stdin.write(f"{shape.name} {self._next} {share}\n")
            process.stdin.flush()
            self._ran |= dict.fromkeys(range(self._next, self._next + share), shape)
            self._next += share
        for log, process in asked:
            _answer(process, log)
        return time.perf_counter() - begun

    def ran(self) -> dict[int, Shape]:
        ran, self._ran = self._ran, {}
        return ran


@contextmanager
def running(stack: Stack) -> Iterator[Dbos]:
    """The peer's processes, ready when the block begins. The first makes DBOS's tables before the second starts."""
    environment = {**os.environ, "PYTHONPATH": PATH, "BENCH_DATABASE": stack.settings.migration_database_url}
    command = [sys.executable, "-m", "benchmarks.peers.dbos_app"]
    with ExitStack() as opened:
        started = {}
        for number in range(PROCESSES):
            path = stack.settings.var_dir / f"dbos{number}.log"
            log = opened.enter_context(path.open("wb"))
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
            started[path] = opened.enter_context(
                subprocess.Popen(command, env=environment, cwd=ROOT, text=True, **pipes)
            )
            _answer(started[path], path)
        yield Dbos(started)


def _answer(process: subprocess.Popen[str], log: Path) -> str:
    """The next line that it says. Raises RuntimeError with the end of its log when it has ended."""
    assert process.stdout is not None
    answer = process.stdout.readline()
    if not answer:
        message = f"DBOS's process ended with {process.wait()}; its log:\n{log.read_text()[-2000:]}"
        raise RuntimeError(message)
    return answer
