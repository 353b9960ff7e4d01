"""`turnup up`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console

from app.cli.errors import Failed
from app.cli.installation import (
    ADMIN_DATABASE_URL,
    forget_environment,
    is_kept,
    keep_environment,
    own_environment,
    var_folder,
)
from app.cli.output import json_option, print_json, screen
from app.cli.up import addresses
from app.cli.up.kept import load_or_make
from app.cli.up.programs import WORKERS, programs
from app.cli.up.readiness import wait_until_ready
from app.cli.up.sample import run_sample
from app.cli.up.servers import Installation, first_settings, start_servers
from app.core import bootstrap, schema
from app.core.ids import OPERATOR_ID
from app.core.settings import Settings
from app.domains.tenants import service as tenants
from app.embedded import machine
from app.embedded.errors import PortTaken
from app.embedded.supervisor import Supervisor, only_one
from app.factory import build_world
from app.seeds import seed

PATIENCE_SECONDS = 1.0
PATIENCE_AFTER_A_KILL_SECONDS = 30.0
"""The processes of a run that was killed take a moment to end by themselves."""

INTERRUPTED = 130
SET_FROM_OUTSIDE = "(as you set it)"
NOT_KNOWN = "(as it was set when this administrator was made)"


@click.command()
@click.option("--no-sample", is_flag=True, help="Place no sample order.")
@click.option("--once", is_flag=True, help="Stop everything as soon as it is up and the sample order is active.")
@click.option("--logs", is_flag=True, help="Show all logs on the screen, too.")
@json_option
def up(*, no_sample: bool, once: bool, logs: bool, as_json: bool) -> None:
    """Start everything on this machine, place a sample order, stay until Ctrl-C.

    Brings its own PostgreSQL, Redis and mail server where DATABASE_URL, REDIS_URL and SMTP_URL name none. Everything is
    kept in the folder TURNUP_VAR (var), and is there again at the next start.
    """
    environ = own_environment()
    run = _Run(
        environ=environ,
        var=var_folder(environ),
        console=screen(err=as_json),
        wants_sample=not no_sample,
        once=once,
        as_json=as_json,
    )
    run.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        only_one(run.var, what="turnup up"),
        Supervisor(log_folder=run.logs, say=run.say, echo=sys.stderr if logs else None) as supervisor,
    ):
        run.go(supervisor)
    run.say(f"Everything is stopped; the data are kept in {run.var}.")
    if not run.is_up:
        raise click.exceptions.Exit(INTERRUPTED)


@dataclass(slots=True, kw_only=True)
class _Run:
    """One start of everything."""

    environ: Mapping[str, str] = field(repr=False)
    var: Path
    console: Console
    wants_sample: bool
    once: bool
    as_json: bool
    is_up: bool = False

    @property
    def logs(self) -> Path:
        return self.var / "log"

    def say(self, sentence: str) -> None:
        self.console.print(sentence, soft_wrap=True)

    def go(self, supervisor: Supervisor) -> None:
        """Start everything, then wait for the request to stop, which ends the supervisor's block."""
        try:
            self._start(supervisor)
            if not self.once:
                self.say("Everything is up. Stop it with Ctrl-C.")
                supervisor.wait()
        except Failed as error:
            if supervisor.names():
                raise Failed(f"{error.message} The logs are in {self.logs}.") from None
            raise
        finally:
            if supervisor.names():
                self.say("Stopping everything ...")
            forget_environment(self.var)

    def _start(self, supervisor: Supervisor) -> None:
        kept = load_or_make(self.var)
        settings = first_settings(self.environ, kept, self.var)
        _require_ports(settings, after_a_kill=is_kept(self.var))
        self.say("Starting PostgreSQL, Redis and mail ...")
        installation = start_servers(supervisor, self.environ, kept, self.var)
        settings = installation.settings
        self.say("Bringing the database up to date ...")
        knows_password = self._prepare(installation)
        keep_environment(self.var, _for_commands(installation))
        self.say(f"Starting the API, {WORKERS} workers, beat, endpoints and Flower ...")
        for program in programs(settings):
            supervisor.start(program)
        wait_until_ready(supervisor, settings)
        sample = None
        if self.wants_sample:
            self.say("Placing a sample order ...")
            sample = run_sample(settings, console=self.console, check=supervisor.check)
        self.is_up = True
        found = addresses.document(installation, sample, logs=self.logs)
        if self.as_json:
            print_json(found)
            return
        administrator = settings.admin_password if knows_password else NOT_KNOWN
        addresses.show(
            self.console,
            found,
            administrator_password=SET_FROM_OUTSIDE if "TURNUP_ADMIN_PASSWORD" in self.environ else administrator,
            flower_password=SET_FROM_OUTSIDE if "FLOWER_PASSWORD" in self.environ else settings.flower_password,
        )

    def _prepare(self, installation: Installation) -> bool:
        """Roles, tables, seeds, administrator; whether the administrator has the password of the settings."""
        settings = installation.settings
        if installation.admin_url:
            bootstrap.bootstrap(installation.admin_url, settings)
        schema.upgrade(settings)
        world = build_world(settings)
        email, password = settings.admin_email, settings.admin_password
        try:
            seed(world)
            with world.database.transaction(OPERATOR_ID) as session:
                made = tenants.seed_administrator(session, email=email, password=password)
            with world.across.transaction() as session:
                fits = made or tenants.authenticate(session, email=email, password=password) is not None
        finally:
            world.close()
        if self.wants_sample and not fits:
            raise Failed(
                f"The administrator {email} has another password than the one that is set or kept here: set "
                "TURNUP_ADMIN_PASSWORD to it, or TURNUP_ADMIN_EMAIL to a new address, or start with --no-sample."
            )
        return fits


def _require_ports(settings: Settings, *, after_a_kill: bool) -> None:
    """Raises Failed naming the port that is taken, and how to choose another."""
    patience = PATIENCE_AFTER_A_KILL_SECONDS if after_a_kill else PATIENCE_SECONDS
    for name, port, what in (
        ("API_PORT", settings.api_port, "the API"),
        ("ENDPOINTS_PORT", settings.endpoints_port, "the tenants' endpoints"),
        ("FLOWER_PORT", settings.flower_port, "Flower"),
    ):
        try:
            machine.require_free_port(port, what, patience_s=patience)
        except PortTaken as error:
            raise Failed(f"{error} Or set {name} to another port.") from None


def _for_commands(installation: Installation) -> dict[str, str]:
    """What other commands need to work on this installation."""
    variables = installation.settings.environment_variables()
    if installation.admin_url:
        variables[ADMIN_DATABASE_URL] = installation.admin_url
    return variables
