"""What the processes need: the servers of the environment, else embedded ones, and the settings over both."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from app.cli.errors import Failed
from app.cli.installation import ADMIN_DATABASE_URL
from app.cli.up.kept import Kept
from app.core.settings import Settings
from app.embedded import machine, postgres, redis
from app.embedded.errors import PackageMissing
from app.embedded.supervisor import Program, Supervisor

DATABASE = "turnup"
MAIL_PORT = 1025
ROLE_URLS = ("SYSTEM_DATABASE_URL", "MIGRATION_DATABASE_URL", "PROVISIONER_DATABASE_URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The settings of everything that runs here; what to reach the database server as its administrator by, if known."""

    settings: Settings
    admin_url: str | None = field(repr=False)
    keeps_mail: bool


def first_settings(environ: Mapping[str, str], kept: Kept, var: Path) -> Settings:
    """The settings but for the servers, which do not run yet. Raises ConfigurationError, Failed."""
    settings = _settings(_complete(environ, kept, var))
    if "DATABASE_URL" in environ and (missing := [name for name in ROLE_URLS if name not in environ]):
        raise Failed(
            f"DATABASE_URL is set, so the database's other roles have to be named as well: {', '.join(missing)} "
            f"(see the README). `turnup db bootstrap` makes them; or unset DATABASE_URL for an embedded PostgreSQL."
        )
    if "," in settings.flower_password:
        raise Failed("FLOWER_PASSWORD may hold no comma: Flower would take it for two passwords.")
    return settings


def start_servers(supervisor: Supervisor, environ: Mapping[str, str], kept: Kept, var: Path) -> Installation:
    """Start what the environment does not name. Raises EmbeddedError with a sentence that says what to do."""
    complete = _complete(environ, kept, var)
    admin_url = environ.get(ADMIN_DATABASE_URL)
    if "DATABASE_URL" not in environ:
        database = supervisor.start_server("postgres", lambda: postgres.start(var / "postgres"))
        admin_url = database.admin_url
        complete |= _role_urls(admin_url, kept)
    if "REDIS_URL" not in environ:
        complete["REDIS_URL"] = supervisor.start_server("redis", lambda: redis.start(var / "redis")).url
    if keeps_mail := "SMTP_URL" not in environ:
        complete["SMTP_URL"] = _start_mail(supervisor, var / "mail")
    return Installation(settings=_settings(complete), admin_url=admin_url, keeps_mail=keeps_mail)


def _complete(environ: Mapping[str, str], kept: Kept, var: Path) -> dict[str, str]:
    """The environment with everything filled in that does not depend on a running server."""
    defaults = {
        "TURNUP_SECRET_KEY": kept.secret_key,
        "TURNUP_SEALING_KEYS": kept.sealing_key,
        "TURNUP_ADMIN_PASSWORD": kept.administrator_password,
        "FLOWER_PASSWORD": kept.flower_password,
    }
    return defaults | dict(environ) | {"TURNUP_VAR": str(var)}


def _settings(complete: Mapping[str, str]) -> Settings:
    """Where nothing else is said, addresses are those of the processes on this machine."""
    settings = Settings.from_environment(complete)
    if "TENANT_URL_PORT" not in complete:
        settings = replace(settings, tenant_port=settings.endpoints_port)
    if "PUBLIC_URL" not in complete:
        settings = replace(settings, public_url=f"http://{machine.LOOPBACK}:{settings.api_port}")
    return settings


def _role_urls(admin_url: str, kept: Kept) -> dict[str, str]:
    parts = urlsplit(admin_url)

    def url(role: str, password: str) -> str:
        netloc = f"turnup_{role}:{quote(password)}@{parts.hostname}:{parts.port}"
        return urlunsplit(parts._replace(netloc=netloc, path=f"/{DATABASE}"))

    return {
        "DATABASE_URL": url("app", kept.application_password),
        "SYSTEM_DATABASE_URL": url("system", kept.system_password),
        "MIGRATION_DATABASE_URL": url("owner", kept.owner_password),
        "PROVISIONER_DATABASE_URL": url("provisioner", kept.provisioner_password),
    }


def _start_mail(supervisor: Supervisor, directory: Path) -> str:
    """A server that keeps mails; its port stays the same when it has to be started again."""
    if importlib.util.find_spec("aiosmtpd") is None:
        raise PackageMissing(
            "The package aiosmtpd is not installed: run `make up`, or install turnup with its extra `embedded`, or set "
            "SMTP_URL to a mail server of your own."
        )
    port = machine.choose_port(0, last=MAIL_PORT, what="the local mail server")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "app.embedded.mail", "--port", str(port), "--directory", str(directory)]
    supervisor.start(Program(name="mail", command=command))
    return f"smtp://{machine.LOOPBACK}:{port}"
