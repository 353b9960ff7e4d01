"""The program `turnup`: its commands, and what becomes of their errors."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import click

from app.cli.bulk import bulks
from app.cli.database import db, migrate, seed
from app.cli.doctor import doctor
from app.cli.engine import engine, schedules
from app.cli.errors import KNOWN, explained
from app.cli.executions import executions
from app.cli.integrations import integrations
from app.cli.jobs import jobs
from app.cli.orders import orders
from app.cli.up import up
from app.cli.users import user
from app.cli.workflows import queues, workflows

FAILURE = 1
INTERRUPTED = 130


def _version() -> str:
    try:
        return version("turnup")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "of a checkout"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(_version(), prog_name="turnup")
def turnup() -> None:
    """Orders go in, running services come out."""


for _command in (
    up,
    doctor,
    db,
    migrate,
    seed,
    user,
    orders,
    executions,
    bulks,
    workflows,
    schedules,
    engine,
    integrations,
    jobs,
    queues,
):
    turnup.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code. Expected errors are sentences on standard error."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        result = turnup.main(args=arguments, prog_name="turnup", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except KNOWN as error:
        click.echo(explained(error), err=True)
        return FAILURE
    return result if isinstance(result, int) else 0
