"""Which installation a command works on: the one of the environment, else that of the `turnup up` running here."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from app.cli.errors import Failed
from app.core.audit import ACTOR
from app.core.ids import OPERATOR_ID
from app.core.settings import Settings
from app.core.world import World
from app.domains.tenants import service as tenants
from app.embedded.access import write_private
from app.factory import build_world

ADMIN_DATABASE_URL = "ADMIN_DATABASE_URL"
"""Of the role that makes the other roles: for `db bootstrap` and `up` only, so no setting of the processes."""

ACTOR_NAME = "cli"


def var_folder(environ: Mapping[str, str]) -> Path:
    """Where everything is that is written on this machine, as a full path."""
    return Path(environ.get("TURNUP_VAR") or "var").absolute()


def environment() -> dict[str, str]:
    """The environment of this process; where it names no database, that of `turnup up` below what is set here."""
    own = own_environment()
    if "DATABASE_URL" in own:
        return own
    return _kept(var_folder(own)) | own


def own_environment() -> dict[str, str]:
    """What is set in this process's environment; empty is the same as not set."""
    return {name: value for name, value in os.environ.items() if value}


def _kept(var: Path) -> dict[str, str]:
    try:
        lines = shlex.split(_file(var).read_text(), comments=True)
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise Failed(f"{error.filename} may be read only by whoever runs `turnup up`: run this as that user.") from None
    return dict(line.split("=", 1) for line in lines)


def keep_environment(var: Path, variables: Mapping[str, str]) -> Path:
    """Write down, for its owner only, how other commands reach what runs here; a shell can read the file, too."""
    path = _file(var)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(variables.items())))
    return path


def forget_environment(var: Path) -> None:
    """Nothing runs here any more."""
    _file(var).unlink(missing_ok=True)


def is_kept(var: Path) -> bool:
    """Whether something runs here, or ended without a word."""
    return _file(var).exists()


def _file(var: Path) -> Path:
    return var / "run" / "environment"


def settings() -> Settings:
    """The settings of this installation. Raises ConfigurationError."""
    return Settings.from_environment(environment())


@contextmanager
def opened() -> Iterator[World]:
    """The wired application of this installation."""
    world = build_world(settings())
    try:
        yield world
    finally:
        world.close()


@contextmanager
def acting_as(owner: str | None) -> Iterator[Session]:
    """One transaction as the tenant of that slug; None: as the operator. It commits when the block ends."""
    with opened() as world, transaction(world, owner) as session:
        yield session


@contextmanager
def transaction(world: World, owner: str | None) -> Iterator[Session]:
    """The same on a world that is open already."""
    with world.database.transaction(owner_id(world, owner)) as session:
        session.info[ACTOR] = ACTOR_NAME
        yield session


def owner_id(world: World, slug: str | None) -> UUID:
    """The tenant of that slug. Raises Failed when there is none."""
    if slug is None:
        return OPERATOR_ID
    with world.across.transaction() as session:
        tenant = tenants.find_by_slug(session, slug=slug)
    if tenant is None:
        raise Failed(f"There is no tenant with the subdomain “{slug}”.")
    return tenant.id
