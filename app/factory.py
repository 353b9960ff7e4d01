"""The one place where things are wired: the world, what is in each room, and the Flask application over it.

Rooms are listed here by name; nothing is found by scanning. Operations of others join by the entry point group
`turnup.operations`, each entry naming a Catalogue.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, entry_points, version
from types import ModuleType

from flask import Flask
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import MetaData

from app.adapters.bus import registry as buses
from app.adapters.bus.port import Bus
from app.adapters.chat.apprise_urls import AppriseChat
from app.adapters.chat.port import Chat
from app.adapters.mail.port import Mailer
from app.adapters.mail.smtp import SmtpMailer
from app.adapters.payments import registry as payments
from app.adapters.payments.port import Gateways
from app.adapters.provisioners import registry
from app.adapters.provisioners.port import Provisioners
from app.adapters.sms import registry as sms
from app.adapters.sms.port import SmsGateway
from app.core import audit, clock, election, events, secrets
from app.core.across import AcrossOwners
from app.core.bootstrap import check_application_role
from app.core.db import Base, Database
from app.core.ports import Ports
from app.core.queue import Sender
from app.core.secrets import Vault
from app.core.settings import ConfigurationError, Settings
from app.core.world import World
from app.domains.activation import models as activation_models
from app.domains.activation import operations as activation
from app.domains.activation import routes as activation_routes
from app.domains.billing import models as billing_models
from app.domains.billing import operations as billing
from app.domains.billing import routes as billing_routes
from app.domains.catalog import models as catalog_models
from app.domains.catalog import routes as catalog_routes
from app.domains.communications import models as communications_models
from app.domains.communications import operations as communications
from app.domains.communications import routes as communications_routes
from app.domains.crm import models as crm_models
from app.domains.crm import operations as crm
from app.domains.crm import routes as crm_routes
from app.domains.customers import models as customers_models
from app.domains.customers import routes as customers_routes
from app.domains.deployments import models as deployments_models
from app.domains.deployments import operations as deployments
from app.domains.deployments import routes as deployments_routes
from app.domains.licensing import models as licensing_models
from app.domains.licensing import operations as licensing
from app.domains.licensing import routes as licensing_routes
from app.domains.notifications import models as notifications_models
from app.domains.notifications import operations as notifications
from app.domains.notifications import routes as notifications_routes
from app.domains.partners import models as partners_models
from app.domains.partners import operations as partners
from app.domains.partners import routes as partners_routes
from app.domains.sales import models as sales_models
from app.domains.sales import operations as sales
from app.domains.sales import routes as sales_routes
from app.domains.sales import service as sales_service
from app.domains.tenants import models as tenants_models
from app.domains.tenants import routes as tenants_routes
from app.domains.ticketing import models as ticketing_models
from app.domains.ticketing import operations as ticketing
from app.domains.ticketing import routes as ticketing_routes
from app.domains.workflows import models as workflows_models
from app.domains.workflows import routes as workflows_routes
from app.domains.workflows.service import Observers, Rates
from app.http import api
from app.http import models as http_models
from pipelines.canvas import CelerySender, sending_app
from pipelines.operations import Catalogue

MODELS: tuple[ModuleType, ...] = (
    audit,
    clock,
    election,
    events,
    secrets,
    http_models,
    tenants_models,
    customers_models,
    catalog_models,
    workflows_models,
    communications_models,
    notifications_models,
    deployments_models,
    billing_models,
    licensing_models,
    ticketing_models,
    partners_models,
    activation_models,
    sales_models,
    crm_models,
)
OPERATIONS: tuple[Catalogue, ...] = (
    communications.OPERATIONS,
    notifications.OPERATIONS,
    deployments.OPERATIONS,
    billing.OPERATIONS,
    licensing.OPERATIONS,
    ticketing.OPERATIONS,
    partners.OPERATIONS,
    activation.OPERATIONS,
    sales.OPERATIONS,
    crm.OPERATIONS,
)
ROUTES: tuple[ModuleType, ...] = (
    tenants_routes,
    customers_routes,
    catalog_routes,
    deployments_routes,
    billing_routes,
    licensing_routes,
    ticketing_routes,
    partners_routes,
    activation_routes,
    communications_routes,
    notifications_routes,
    workflows_routes,
    sales_routes,
    crm_routes,
)

PLUGINS = "turnup.operations"
REDIS_TIMEOUT_SECONDS = 0.2
# a thread that answers holds at most one connection; event streams hold none
POOL_SIZE = 10


def load_models() -> MetaData:
    """Every room's tables: those of the modules in MODELS, which this module imports."""
    return Base.metadata


def build_world(settings: Settings, *, sender: Sender | None = None, pool_size: int = POOL_SIZE) -> World:
    """Wire everything that routes, tasks and the CLI start from.

    `sender`: what puts messages into the broker; default: a Celery object that only sends. `pool_size`: connections of the
    application's role; the system role has half as many. Raises ConfigurationError where a
    setting is missing. Nothing is connected to yet.
    """
    for name, url in (
        ("DATABASE_URL", settings.database_url),
        ("SYSTEM_DATABASE_URL", settings.system_database_url),
        ("REDIS_URL", settings.redis_url),
    ):
        if not url:
            raise ConfigurationError(f"{name} must be set (or use `turnup up`, which brings its own servers).")
    ports = Ports()
    redis = Redis.from_url(
        settings.redis_url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    vault = Vault(settings)
    operations = joined_operations()
    ports.add(Settings, settings)
    ports.add(Vault, vault)
    ports.add(Catalogue, operations)
    ports.add(Sender, sender or _celery_sender(settings, redis))  # type: ignore[type-abstract]
    ports.add(Mailer, SmtpMailer(settings.smtp_url))  # type: ignore[type-abstract]
    ports.add(SmsGateway, sms.configured(settings))  # type: ignore[type-abstract]
    ports.add(Chat, AppriseChat())  # type: ignore[type-abstract]
    ports.add(Bus, buses.configured(settings, redis))  # type: ignore[type-abstract]
    ports.add(Observers, observers())
    ports.add(Rates, Rates.of(settings, redis))
    ports.add(Provisioners, registry.configured(settings))
    ports.add(Gateways, payments.configured(settings))
    return World(
        settings=settings,
        database=Database(
            settings.database_url,
            pool_size=pool_size,
            test_clock=settings.test_clock,
            prepare=settings.prepared_statements,
            ports=ports,
        ),
        across=AcrossOwners(settings, pool_size=max(2, pool_size // 2), ports=ports),
        redis=redis,
        vault=vault,
        operations=operations,
        ports=ports,
    )


def create_app(settings: Settings, world: World | None = None) -> Flask:
    """The API. In production it refuses to start under a database role that row-level security does not hold."""
    world = world or build_world(settings)
    if settings.production:
        check_application_role(world.database)
    app = Flask("app", static_folder=None)
    mounted = api.install(app, world, version=_version())
    api.mount(app, mounted, [blueprint for room in ROUTES for blueprint in room.blueprints()])
    return app


def _version() -> str:
    try:
        return version("turnup")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"


def joined_operations() -> Catalogue:
    """The operations of all rooms and plugins."""
    joined = Catalogue()
    for catalogue in OPERATIONS:
        joined.include(catalogue)
    for plugin in entry_points(group=PLUGINS):
        joined.include(plugin.load())
    return joined


def observers() -> Observers:
    """Who is told of which workflow's executions."""
    told = Observers()
    told.add(sales_service.WORKFLOW, sales_service.OrderPipeline())
    return told


def _celery_sender(settings: Settings, redis: Redis) -> Sender:
    return CelerySender(sending_app(settings.celery_broker_url), lambda channel: redis.publish(channel, ""))
