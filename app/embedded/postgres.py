"""A real PostgreSQL out of a Python package.

Its folder holds `pgdata` (the cluster; made under another name and renamed when whole), `access.json` (port and the
superuser's password, mode 0600) and `postgres.log`. Passwords are scram-sha-256, TCP on 127.0.0.1 is the only way in.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from app.embedded import access as access_file
from app.embedded import account as accounts
from app.embedded import machine, processes
from app.embedded.access import Access
from app.embedded.account import Account
from app.embedded.errors import DataUnusable, ServerNotStarted
from app.embedded.server import Server, alone_in, stop_processes

PROGRAM = "postgres"
FAST_SHUTDOWN = signal.SIGINT
START_TIMEOUT_SECONDS = 60.0
INITDB_TIMEOUT_SECONDS = 180.0
START_ATTEMPTS = 5
STATUS_LINE = 7  # of postmaster.pid, counted from 0; the file format that pg_ctl relies on


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer(Server):
    """A running PostgreSQL."""

    access: Access = field(repr=False)

    @property
    def admin_url(self) -> str:
        """The superuser's URL (database `postgres`), password included: not for logs."""
        return f"postgresql://{quote(self.access.user)}:{quote(self.access.password)}@{machine.LOOPBACK}:{self.port}/postgres"


def start(
    folder: Path,
    *,
    port: int = 0,
    durable: bool = True,
    max_connections: int = 200,
    superuser: str = "turnup_admin",
    settings: Mapping[str, str] | None = None,
    reuse: bool = False,
    outlive: bool = False,
    account: Account | None = None,
) -> PostgresServer:
    """Make the cluster in `folder` if there is none, start it, and return when it accepts connections.

    `port` 0: the port of the last time when it is still free, else any. `durable` False: no fsync (what is committed
    survives a kill, not a power cut), for tests only.
    `reuse`: a server that a former run left alive is returned as it is; otherwise it is stopped first. `outlive`: the
    server stays when this process dies; otherwise it ends with it (the thread that calls has to live that long).
    `account`: by default chosen to fit (see app.embedded.account).
    Raises EmbeddedError with a sentence that says what to do.
    """
    machine.require_platform()
    folder = folder.absolute()
    with alone_in(folder):
        if reuse and (server := _running(folder)) is not None:
            return server
        _stop_former(folder)
        account = account or accounts.choose(folder)
        access = _prepare(folder, account=account, superuser=superuser, durable=durable)
        options = _options(
            durable=durable,
            settings={"max_connections": str(max_connections)} | dict(settings or {}),
        )
        for _ in range(START_ATTEMPTS):
            chosen = machine.choose_port(port, last=access.port, what="PostgreSQL")
            access = replace(access, port=chosen)
            access_file.save(folder / "access.json", access)
            process = _launch(folder, account=account, port=chosen, options=options, outlive=outlive)
            if _becomes_ready(process, folder):
                return PostgresServer(
                    name="PostgreSQL",
                    port=chosen,
                    pid=process.pid,
                    stop_signal=FAST_SHUTDOWN,
                    process=process,
                    access=access,
                )
            if process.poll() is None:
                stop_processes([process.pid], how=FAST_SHUTDOWN)
                process.wait()
                break
            if machine.is_port_free(chosen):
                break  # it ended for another reason than somebody who was quicker to take the port
    log = folder / "postgres.log"
    raise ServerNotStarted(
        f"PostgreSQL did not start within {START_TIMEOUT_SECONDS:.0f} s: read {log}, put right what it says, and start "
        f"again (or delete {folder} to begin with an empty database). Its last words:\n{processes.last_lines(log)}"
    )


def stop(folder: Path) -> None:
    """Stop the server in `folder`, whoever started it; does nothing when none is running."""
    folder = folder.absolute()
    if folder.is_dir():
        with alone_in(folder):
            _stop_former(folder)


def _running(folder: Path) -> PostgresServer | None:
    """The server that is running in `folder` already, once it accepts connections."""
    access, pids = access_file.load(folder / "access.json"), _former(folder)
    if access is None or not pids:
        return None
    if not processes.wait_until(lambda: _status(folder) in {None, "ready"}, timeout_s=START_TIMEOUT_SECONDS):
        return None
    pid = _postmaster(folder)
    if pid not in pids or _status(folder) != "ready":
        return None
    return PostgresServer(
        name="PostgreSQL",
        port=access.port,
        pid=pid,
        stop_signal=FAST_SHUTDOWN,
        access=access,
    )


def _former(folder: Path) -> list[int]:
    return processes.find(PROGRAM, folder=folder / "pgdata")


def _stop_former(folder: Path) -> None:
    """End what a former run left alive, and what is left of it when its postmaster was killed."""
    pids, postmaster = _former(folder), _postmaster(folder)
    if postmaster in pids:
        stop_processes([postmaster], how=FAST_SHUTDOWN)
    if rest := _former(folder):  # they notice by themselves that their postmaster is gone, but may be at work
        stop_processes(rest, how=signal.SIGTERM)
    # Nobody works on the data any more: a file that names a process now names somebody else's.
    (folder / "pgdata" / "postmaster.pid").unlink(missing_ok=True)


def _postmaster_lines(folder: Path) -> list[str]:
    try:
        return (folder / "pgdata" / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _postmaster(folder: Path) -> int | None:
    lines = _postmaster_lines(folder)
    return int(lines[0]) if lines and lines[0].strip().isdigit() else None


def _status(folder: Path) -> str | None:
    """What the postmaster says of itself ("starting", "ready", ...); "" before it says anything, None without one."""
    lines = _postmaster_lines(folder)
    if not lines:
        return None
    return lines[STATUS_LINE].strip() if len(lines) > STATUS_LINE else ""


def _prepare(folder: Path, *, account: Account, superuser: str, durable: bool) -> Access:
    """The cluster, made if there is none, and the way into it."""
    data = folder / "pgdata"
    access = access_file.load(folder / "access.json")
    if data.exists():
        _require_usable(data, account=account, access=access)
    if access is None:
        access = access_file.generate(user=superuser)
        access_file.save(folder / "access.json", access)
    if data.exists():
        account.own(data.resolve())
    else:
        _initdb(account, access=access, log=folder / "postgres.log", durable=durable)
        if account.home != folder:
            data.unlink(missing_ok=True)
            data.symlink_to(account.home / "pgdata")
    return access


def _require_usable(data: Path, *, account: Account, access: Access | None) -> None:
    if access is None:
        raise DataUnusable(
            f"{data} is a database, but access.json beside it, which holds its password, is gone: put the file back, "
            f"or delete {data.parent} to begin with an empty database."
        )
    version = (data / "PG_VERSION").read_text().strip() if (data / "PG_VERSION").exists() else "unknown"
    shipped = subprocess.run(
        [str(account.binaries / PROGRAM), "--version"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout.split()[2]
    if shipped.split(".")[0] != version:
        raise DataUnusable(
            f"The database in {data} was made by PostgreSQL {version}, and the embedded one is {shipped}: dump it with "
            f"the old version, or delete {data.parent} to begin with an empty database."
        )


def _initdb(account: Account, *, access: Access, log: Path, durable: bool) -> None:
    """Make the cluster under another name, then rename it: a half-made one is never taken for a whole one."""
    draft, final, password = (
        account.home / "pgdata.new",
        account.home / "pgdata",
        account.home / "password",
    )
    for leftover in (draft, final):
        shutil.rmtree(leftover, ignore_errors=True)
    access_file.write_private(password, access.password)
    account.own(password)
    arguments = [
        *(
            "-D",
            str(draft),
            "-U",
            access.user,
            f"--pwfile={password}",
            "--auth=scram-sha-256",
        ),
        *(
            "-E",
            "UTF8",
            "--no-locale",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ),
        *(["--lc-ctype=C.UTF-8"] if _has_utf8_ctype() else []),
        "--no-instructions",
        *([] if durable else ["--no-sync"]),
    ]
    process = processes.spawn(
        account.command("initdb", *arguments),
        log=log,
        cwd=account.home,
        user=account.user,
        death_signal=signal.SIGKILL,
    )
    try:
        failed = process.wait(timeout=INITDB_TIMEOUT_SECONDS) != 0
    except subprocess.TimeoutExpired:
        process.kill()
        failed = process.wait() != 0
    finally:
        password.unlink(missing_ok=True)
    if failed:
        raise ServerNotStarted(
            f"PostgreSQL's database could not be made: read {log}, put right what it says (often a full disk), and "
            f"start again. Its last words:\n{processes.last_lines(log)}"
        )
    draft.replace(final)


def _has_utf8_ctype() -> bool:
    """Whether the C library knows C.UTF-8: pg_trgm asks it what a letter is, and the C locale knows ASCII ones only."""
    if (program := shutil.which("locale")) is None:
        return False
    known = subprocess.run([program, "-a"], capture_output=True, text=True, timeout=30, check=False).stdout
    return bool({"c.utf8", "c.utf-8"} & set(known.lower().split()))


def _options(*, durable: bool, settings: dict[str, str]) -> list[str]:
    """Command line settings. No socket files: their paths have a length limit that a deep checkout exceeds."""
    wanted = {
        "listen_addresses": machine.LOOPBACK,
        "unix_socket_directories": "",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%u@%d ",
    }
    if not durable:
        wanted |= {
            "fsync": "off",
            "full_page_writes": "off",
        }
    return [part for name, value in (wanted | settings).items() for part in ("-c", f"{name}={value}")]


def _launch(folder: Path, *, account: Account, port: int, options: list[str], outlive: bool) -> subprocess.Popen[bytes]:
    return processes.spawn(
        account.command(PROGRAM, "-D", str((folder / "pgdata").resolve()), "-p", str(port), *options),
        log=folder / "postgres.log",
        cwd=account.home,
        user=account.user,
        death_signal=None if outlive else FAST_SHUTDOWN,
    )


def _becomes_ready(process: subprocess.Popen[bytes], folder: Path) -> bool:
    def decided() -> bool:
        return process.poll() is not None or (_postmaster(folder) == process.pid and _status(folder) == "ready")

    return processes.wait_until(decided, timeout_s=START_TIMEOUT_SECONDS) and process.poll() is None
