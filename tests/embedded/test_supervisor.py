from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from app.embedded import processes
from app.embedded import redis as embedded_redis
from app.embedded.errors import AlreadyRunning, ChildGaveUp
from app.embedded.supervisor import Program, Supervisor, only_one

PATIENCE_SECONDS = 20.0
STAY = "import os, signal; print('up', os.getpid(), flush=True); signal.pause()"


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", textwrap.dedent(code)]


def lives(log: Path) -> list[int]:
    """The process ids of all lives of a program that says "up PID"."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith("up ")]


def wait_for_lives(log: Path, count: int) -> list[int]:
    assert processes.wait_until(lambda: len(lives(log)) >= count, timeout_s=PATIENCE_SECONDS)
    return lives(log)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_child_that_died_is_started_again_and_all_are_stopped_in_reverse_order(tmp_path: Path) -> None:
    said: list[str] = []
    order = tmp_path / "order"
    last_word = """
        import os, signal, sys
        def leave(*_):
            with open(sys.argv[1], "a") as order:
                order.write(sys.argv[2] + " ")
            sys.exit(0)
        signal.signal(signal.SIGTERM, leave)
        print("up", os.getpid(), flush=True)
        while True:
            signal.pause()
    """
    screen = io.StringIO()
    with Supervisor(log_folder=tmp_path / "log", say=said.append, echo=screen) as supervisor:
        for name in ("first", "second"):
            supervisor.start(Program(name=name, command=[*python(last_word), str(order), name]))
        (pid,) = wait_for_lives(supervisor.log_of("first"), 1)
        wait_for_lives(supervisor.log_of("second"), 1)
        os.kill(pid, signal.SIGKILL)
        _, second_life = wait_for_lives(supervisor.log_of("first"), 2)

    assert said[0].startswith("first was ended by SIGKILL; it is started again in 0.5 s (1 of at most 5)")
    assert order.read_text() == "second first "
    assert not is_alive(second_life)
    assert f"first | up {second_life}\n" in screen.getvalue()


def test_a_child_that_dies_again_and_again_is_given_up_with_a_sentence(tmp_path: Path) -> None:
    with Supervisor(log_folder=tmp_path, say=lambda _: None, restart_limit=1) as supervisor:
        supervisor.start(Program(name="hopeless", command=python("raise SystemExit(3)")))
        with pytest.raises(ChildGaveUp, match=r"hopeless ended 2 times .* ended with status 3; its log is .*\.log"):
            supervisor.wait()


def test_what_does_not_listen_is_killed_with_all_its_processes(tmp_path: Path) -> None:
    deaf = f"""
        import os, signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.fork()
        {STAY}
    """
    with Supervisor(log_folder=tmp_path, say=lambda _: None) as supervisor:
        supervisor.start(Program(name="deaf", command=python(deaf), stop_timeout_s=0.2))
        pids = wait_for_lives(supervisor.log_of("deaf"), 2)
    assert processes.wait_until(lambda: not any(map(is_alive, pids)), timeout_s=PATIENCE_SECONDS)


def test_a_server_that_died_is_back_at_its_address(tmp_path: Path) -> None:
    with Supervisor(log_folder=tmp_path / "log", say=lambda _: None) as supervisor:
        server = supervisor.start_server("redis", lambda: embedded_redis.start(tmp_path / "redis"))
        os.kill(server.pid, signal.SIGKILL)
        assert server.process is not None
        server.process.wait(timeout=PATIENCE_SECONDS)

        def is_back() -> bool:
            found = processes.find("valkey-server", folder=tmp_path / "redis")
            return bool(found) and embedded_redis.answers(server.access)

        assert processes.wait_until(is_back, timeout_s=PATIENCE_SECONDS)
    assert processes.find("valkey-server", folder=tmp_path / "redis") == []


RUN = f"""
    import sys
    from pathlib import Path
    from app.embedded.supervisor import Program, Supervisor
    with Supervisor(log_folder=Path(sys.argv[1])) as supervisor:
        supervisor.start(Program(name="child", command=[sys.executable, "-I", "-S", "-c", {STAY!r}]))
        supervisor.wait()
    print("stopped in good order")
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_child_survives_its_supervisor(tmp_path: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-c", textwrap.dedent(RUN), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        (child,) = wait_for_lives(tmp_path / "child.log", 1)
        supervisor.send_signal(how)
        output, _ = supervisor.communicate(timeout=PATIENCE_SECONDS)
    if how is not signal.SIGKILL:
        assert (output, supervisor.returncode) == ("stopped in good order\n", 0)
    assert processes.wait_until(lambda: not is_alive(child), timeout_s=PATIENCE_SECONDS)


def test_a_folder_has_one_run_at_a_time(tmp_path: Path) -> None:
    with only_one(tmp_path, what="make up"):
        second = only_one(tmp_path, what="make up")
        with pytest.raises(AlreadyRunning, match=rf"`make up` is running here already \(process {os.getpid()}\)"):
            second.__enter__()
    third = only_one(tmp_path, what="make up")
    third.__enter__()
    third.__exit__(None, None, None)
