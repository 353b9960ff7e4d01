"""Runs named processes together: starts, watches, restarts and stops them.

    with only_one(folder, what="make up"), Supervisor(log_folder=folder / "log") as supervisor:
        database = supervisor.start_server("postgres", lambda: postgres.start(folder / "postgres"))
        supervisor.start(Program(name="api", command=[...]))
        supervisor.wait()

Ctrl-C, SIGTERM and SIGHUP end the block from wherever it is, and all is stopped in reverse order; a second signal kills
what is still there. When the supervisor itself is killed, the kernel asks every child to stop.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Protocol, Self, TextIO, TypeVar

from app.embedded import processes
from app.embedded.errors import AlreadyRunning, ChildGaveUp, EmbeddedError
from app.embedded.server import Server

WATCH_SECONDS = 0.1
RESTART_LIMIT = 5  # within RESTART_WINDOW_SECONDS
RESTART_WINDOW_SECONDS = 60.0
FIRST_RESTART_DELAY_SECONDS = 0.5
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

AnyServer = TypeVar("AnyServer", bound=Server)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A process to keep running: its output goes to `<name>.log`. `env` None: the supervisor's own."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 15.0


class Running(Protocol):
    """One life of a child."""

    def ended(self) -> str | None:
        """How it ended, in words; None while it lives."""

    def stop(self, hurry: threading.Event) -> None:
        """End it, at once when `hurry` is set; may be called when it has ended."""


@dataclass(slots=True, kw_only=True)
class _Child:
    name: str
    start: Callable[[], Running]
    running: Running | None = None
    deaths: list[float] = field(default_factory=list)
    restart_at: float | None = None
    shown_bytes: int = 0


class Supervisor:
    """Starts processes and keeps them running until it is told to stop; a context manager.

    `log_folder`: one log file per child; that of the run before is kept as `<name>.log.1`. `say` gets sentences for the
    person at the screen, `echo` (when given) every line of every log. Start children from a thread that lives as long
    as they shall: the kernel ends a child with the thread that started it.
    """

    def __init__(
        self,
        *,
        log_folder: Path,
        say: Callable[[str], None] = print,
        echo: TextIO | None = None,
        restart_limit: int = RESTART_LIMIT,
    ) -> None:
        self._log_folder, self._tell, self._echo, self._restart_limit = (
            log_folder,
            say,
            echo,
            restart_limit,
        )
        self._children: list[_Child] = []
        self._lock = threading.RLock()  # held over every change of the children
        self._stopping, self._hurry, self._stopped = (
            threading.Event(),
            threading.Event(),
            threading.Event(),
        )
        self._failed: ChildGaveUp | None = None
        self._failure = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._former_handlers: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        self._log_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if threading.current_thread() is threading.main_thread():
            self._former_handlers = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> bool:
        """Stop everything. A request to stop is the way out of the block, not an error of it."""
        try:
            self.stop()
        finally:
            for number, handler in self._former_handlers.items():
                signal.signal(number, handler)  # type: ignore[arg-type] # what signal.signal itself returned
        return kind is not None and issubclass(kind, KeyboardInterrupt)

    def start(self, program: Program) -> None:
        """Start a program and watch it from now on. Its name has to be new."""
        self._rotate(program.name)
        self._add(_Child(name=program.name, start=lambda: self._launch(program)))

    def start_server(self, name: str, start: Callable[[], AnyServer]) -> AnyServer:
        """Start an embedded server and watch it; `start` is called again, in another thread, when it has died.

        Returns it. Where it is reached must be the same after a restart, as that of PostgreSQL and Valkey is.
        """
        server = start()
        first = [server]
        self._add(
            _Child(
                name=name,
                start=lambda: _EmbeddedServer(first.pop() if first else start()),
            )
        )
        return server

    def names(self) -> list[str]:
        """The children, in the order of their starts."""
        with self._lock:
            return [child.name for child in self._children]

    def log_of(self, name: str) -> Path:
        """Where the output of a program goes."""
        return self._log_folder / f"{name}.log"

    def check(self) -> None:
        """Raises ChildGaveUp when a child could not be kept running."""
        if self._failed is not None:
            raise self._failed

    def wait(self) -> None:
        """Return never but by an exception: a request to stop (KeyboardInterrupt), or ChildGaveUp."""
        while not self._failure.wait(timeout=3600):
            continue
        self.check()

    def stop(self) -> None:
        """Stop all children in reverse order; may be called again."""
        self._stopping.set()
        with self._lock:
            while self._children:
                child = self._children.pop()
                if child.running is not None:
                    child.running.stop(self._hurry)
                self._show(child)
        self._stopped.set()
        if self._watcher.is_alive() and threading.current_thread() is not self._watcher:
            self._watcher.join()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._stopping.is_set():
            self._hurry.set()
            return
        self._stopping.set()  # no restarts from here on
        raise KeyboardInterrupt(signal.Signals(number).name)

    def _add(self, child: _Child) -> None:
        with self._lock:
            if any(child.name == other.name for other in self._children):
                raise ValueError(f"two children are named {child.name}")
            self._children.append(child)  # first, so that an interrupted start is stopped too
            child.running = child.start()

    def _launch(self, program: Program) -> Running:
        process = processes.spawn(
            program.command,
            log=self.log_of(program.name),
            cwd=program.cwd,
            env=program.env,
            death_signal=program.stop_signal,
        )
        return _Process(
            process,
            stop_signal=program.stop_signal,
            stop_timeout_s=program.stop_timeout_s,
        )

    def _rotate(self, name: str) -> None:
        log = self.log_of(name)
        if log.exists():
            log.replace(log.with_name(f"{name}.log.1"))

    def _watch(self) -> None:
        while not self._stopped.wait(timeout=WATCH_SECONDS):
            with self._lock:
                for child in self._children:
                    self._show(child)
                    if not self._stopping.is_set():
                        self._look_after(child)

    def _look_after(self, child: _Child) -> None:
        """Notice a death and plan the restart, or do the restart that is due."""
        if child.running is not None and (how := child.running.ended()) is not None:
            child.running.stop(self._hurry)  # what it left in its process group
            child.running = None
            self._plan_restart(child, how)
        elif child.restart_at is not None and time.monotonic() >= child.restart_at:
            child.restart_at = None
            try:
                child.running = child.start()
            except (EmbeddedError, OSError) as error:
                self._plan_restart(child, str(error))

    def _plan_restart(self, child: _Child, how: str) -> None:
        now = time.monotonic()
        child.deaths = [
            *(then for then in child.deaths if now - then < RESTART_WINDOW_SECONDS),
            now,
        ]
        times = len(child.deaths)
        log = self.log_of(child.name)
        where = f"; its log is {log}" if log.exists() else ""
        if times > self._restart_limit:
            self._failed = self._failed or ChildGaveUp(
                f"{child.name} ended {times} times within {RESTART_WINDOW_SECONDS:.0f} s and is not started again: "
                f"the last time it {how}{where}. Put right what is said there, and start again."
            )
            self._failure.set()
            return
        delay = FIRST_RESTART_DELAY_SECONDS * 2 ** (times - 1)
        child.restart_at = now + delay
        self._say(
            f"{child.name} {how}; it is started again in {delay:g} s ({times} of at most {self._restart_limit}){where}."
        )

    def _say(self, sentence: str) -> None:
        with suppress(OSError):  # the terminal may be gone
            self._tell(sentence)

    def _show(self, child: _Child) -> None:
        """Copy the new lines of a child's log to the screen."""
        if self._echo is None:
            return
        with (
            suppress(FileNotFoundError, BrokenPipeError),
            self.log_of(child.name).open("rb") as log,
        ):
            log.seek(child.shown_bytes)
            whole, newline, _ = log.read().rpartition(b"\n")
            child.shown_bytes += len(whole) + len(newline)
            for line in whole.decode(errors="replace").splitlines():
                self._echo.write(f"{child.name} | {line}\n")
            self._echo.flush()


class _Process:
    """One life of a program."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        *,
        stop_signal: signal.Signals,
        stop_timeout_s: float,
    ) -> None:
        self._process, self._stop_signal, self._stop_timeout_s = (
            process,
            stop_signal,
            stop_timeout_s,
        )

    def ended(self) -> str | None:
        return describe_end(self._process.poll())

    def stop(self, hurry: threading.Event) -> None:
        """Ask the first process of the group, which knows how to end the others; kill what is left of them."""
        deadline = time.monotonic() + self._stop_timeout_s
        if self._process.poll() is None:
            self._process.send_signal(self._stop_signal)
        while self._process.poll() is None and time.monotonic() < deadline and not hurry.is_set():
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=WATCH_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class _EmbeddedServer:
    """One life of an embedded server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def ended(self) -> str | None:
        if self._server.process is not None:
            return describe_end(self._server.process.poll())
        return None if self._server.is_running() else "ended"

    def stop(self, _hurry: threading.Event) -> None:
        """Always in good order: a database is worth the wait."""
        self._server.stop()


def describe_end(status: int | None) -> str | None:
    """A process's exit status in words; None while it runs."""
    if status is None:
        return None
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


@contextmanager
def only_one(folder: Path, *, what: str) -> Iterator[None]:
    """Hold `folder` for one run of `what` at a time; freed by the kernel at any kind of end.

    Raises AlreadyRunning with a sentence that names the other process.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "run.lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"`{what}` is running here already (process {path.read_text().strip() or 'unknown'}): use that one, or "
                "stop it with Ctrl-C in its terminal, and start again."
            ) from None
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        yield
    finally:
        os.close(fd)
