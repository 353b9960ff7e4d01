"""One look at each dependency. Each has a timeout, and none changes anything."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy.exc import SQLAlchemyError

from app.adapters.bus import registry as buses
from app.adapters.bus.errors import BusError
from app.cli.doctor.findings import Finding, doubtful, fine, wrong
from app.cli.up.readiness import api_address, client
from app.core import schema
from app.core.bootstrap import check_application_role
from app.core.db import Database
from app.core.settings import DEFAULT_SECRET, ConfigurationError, Settings
from app.embedded.machine import LOOPBACK
from pipelines.canvas import celery_app, configure

TIMEOUT_SECONDS = 3
PING_SECONDS = 2.0

NO_SERVERS = "Start `turnup up`, which brings its own servers, or set the URLs of yours (the README has a table)."
RUN_BOOTSTRAP = "Run `turnup db bootstrap`, and see that the URL is right."


def all_findings(settings: Settings) -> Iterator[Finding]:
    """Everything in turn; what depends on something broken is left out."""
    yield from _settings(settings)
    yield from _database(settings)
    yield _redis(settings)
    if settings.event_bus_url:
        yield _bus(settings)
    broker = _broker(settings)
    yield broker
    if broker.is_fine:
        yield _workers(settings)
    yield _mail(settings)
    yield _http("api", f"{api_address(settings)}/readyz", "API", lambda status: status == httpx.codes.OK, role="api")
    yield _http(
        "endpoints",
        f"http://{LOOPBACK}:{settings.endpoints_port}/",
        "The tenants' endpoints",
        lambda status: status < httpx.codes.INTERNAL_SERVER_ERROR,
        role="endpoints",
    )
    yield _http(
        "flower",
        f"http://{LOOPBACK}:{settings.flower_port}/flower/healthcheck",
        "Flower",
        lambda status: status == httpx.codes.OK,
        role="flower",
    )


def _settings(settings: Settings) -> Iterator[Finding]:
    yield fine("settings", f"environment {settings.environment}, data in {settings.var_dir}")
    if settings.secret_key == DEFAULT_SECRET:
        yield doubtful("secret key", "the one that everybody knows", "Set TURNUP_SECRET_KEY to random characters.")
    if not settings.sealing_keys:
        yield doubtful(
            "sealing keys",
            "none; secrets are sealed with a key made from TURNUP_SECRET_KEY",
            "Set TURNUP_SEALING_KEYS to what `turnup doctor --new-key` prints.",
        )


def _database(settings: Settings) -> Iterator[Finding]:
    if not settings.database_url:
        yield wrong("database", "DATABASE_URL is not set", NO_SERVERS)
        return
    application = _role("application role", settings.database_url, "DATABASE_URL")
    yield application
    yield _role("system role", settings.system_database_url, "SYSTEM_DATABASE_URL")
    yield _role("owner role", settings.migration_database_url, "MIGRATION_DATABASE_URL", needed_by="`turnup migrate`")
    yield _role(
        "provisioner role",
        settings.provisioner_database_url,
        "PROVISIONER_DATABASE_URL",
        needed_by="workers that provision locally",
    )
    if application.is_fine:
        yield _isolation(settings)
        yield _migrations(settings)


def _role(name: str, url: str, variable: str, *, needed_by: str = "") -> Finding:
    if not url:
        said, advice = f"{variable} is not set", f"Set {variable} beside DATABASE_URL. {RUN_BOOTSTRAP}"
        if needed_by:
            return doubtful(name, said, f"Nothing, where this is not the environment of {needed_by}.")
        return wrong(name, said, advice)
    try:
        with psycopg.connect(url, connect_timeout=TIMEOUT_SECONDS) as connection:
            version = connection.info.server_version // 10000
            return fine(name, f"{connection.info.user} on PostgreSQL {version}, {connection.info.host}")
    except psycopg.Error as error:
        return wrong(name, error, f"See that PostgreSQL runs where {variable} says. {RUN_BOOTSTRAP}")


def _isolation(settings: Settings) -> Finding:
    database = Database(settings.database_url, pool_size=1)
    try:
        check_application_role(database)
    except ConfigurationError as error:
        return wrong("isolation", error, RUN_BOOTSTRAP)
    finally:
        database.dispose()
    return fine("isolation", "row-level security holds the application's role")


def _migrations(settings: Settings) -> Finding:
    head = schema.head()
    try:
        with psycopg.connect(settings.database_url, connect_timeout=TIMEOUT_SECONDS) as connection:
            found = {row[0] for row in connection.execute("SELECT version_num FROM alembic_version")}
    except psycopg.errors.UndefinedTable:
        found = set()
    except (psycopg.Error, SQLAlchemyError) as error:
        return wrong("migrations", error, "Run `turnup migrate`.")
    if head in found:
        return fine("migrations", f"at {head}")
    at = ", ".join(sorted(found)) or "nothing"
    return wrong("migrations", f"at {at}, and the newest is {head}", "Run `turnup migrate`, then `turnup seed`.")


def _redis(settings: Settings) -> Finding:
    if not settings.redis_url:
        return wrong("redis", "REDIS_URL is not set", NO_SERVERS)
    advice = "See that Redis runs where REDIS_URL says."
    redis = Redis.from_url(
        settings.redis_url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        # this client's types allow for an asynchronous one
        server: Any = redis.info("server")
    except RedisError as error:
        return wrong("redis", error, advice)
    finally:
        redis.close()
    return fine("redis", f"version {server.get('redis_version', 'unknown')}")


def _bus(settings: Settings) -> Finding:
    advice = "See that the event bus runs where EVENT_BUS_URL says, and that its topic is there."
    try:
        return fine("event bus", buses.configured(settings).check())
    except (BusError, ConfigurationError) as error:
        return wrong("event bus", error, advice)


def _broker(settings: Settings) -> Finding:
    if not settings.celery_broker_url:
        return wrong("broker", "neither CELERY_BROKER_URL nor REDIS_URL is set", NO_SERVERS)
    advice = "See that the broker runs where CELERY_BROKER_URL (or REDIS_URL) says."
    app = celery_app("turnup-doctor")
    configure(
        app, broker_url=settings.celery_broker_url, visibility_timeout=3600, connect_timeout=float(TIMEOUT_SECONDS)
    )
    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=TIMEOUT_SECONDS)
            return fine("broker", connection.as_uri())
    except Exception as error:  # noqa: BLE001 - every transport has errors of its own
        return wrong("broker", error, advice)


def _workers(settings: Settings) -> Finding:
    app = celery_app("turnup-doctor")
    configure(app, broker_url=settings.celery_broker_url, visibility_timeout=3600)
    answers = app.control.ping(timeout=PING_SECONDS)
    names = sorted(name for answer in answers for name in answer)
    if not names:
        return wrong("workers", "none answers", "Start one: `./worker.sh worker` (`turnup up` starts two).")
    return fine("workers", f"{len(names)}: {', '.join(names)}")


def _mail(settings: Settings) -> Finding:
    parts = urlsplit(settings.smtp_url)
    advice = "See that the mail server runs where SMTP_URL says."
    where = f"{parts.hostname}:{parts.port or ''}".rstrip(":")
    try:
        with _smtp(settings.smtp_url) as server:
            code, _ = server.noop()
    except (OSError, smtplib.SMTPException) as error:
        return wrong("mail", f"{where}: {error}", advice)
    return fine("mail", f"{where} answers {code}")


def _smtp(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    if parts.scheme == "smtps":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT_SECONDS, context=context)
    return smtplib.SMTP(host, parts.port or 25, timeout=TIMEOUT_SECONDS)


def _http(name: str, address: str, what: str, fits: Callable[[int], bool], *, role: str) -> Finding:
    advice = f"Start it: `./worker.sh {role}` (`turnup up` does); where it runs on another machine, look there."
    try:
        with client(timeout_s=TIMEOUT_SECONDS) as http:
            answer = http.get(address)
    except httpx.HTTPError as error:
        return wrong(name, f"{address}: {error}", advice)
    if fits(answer.status_code):
        return fine(name, address)
    return wrong(name, f"{what} answers {answer.status_code} at {address}", f"Read its log. {advice}")
