"""The configuration: one frozen, typed object read from the environment once and passed down."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipelines.definition import MOST_ELEMENTS

DEFAULT_SECRET = "development-only-secret-key-change-me"  # noqa: S105 - refused in production
MIN_SECRET_LENGTH = 32
MOST_PROVISION_SECONDS = 1800
"""No deployment may take longer, whatever settings and templates say: its step is given up a minute later."""


class ConfigurationError(Exception):
    """The environment says something that cannot be; the message lists every fault as a sentence."""


def _field(name: str, meaning: str, default: object = dataclasses.MISSING, *, secret: bool = False) -> Any:
    """A setting read from the environment variable `name`; `meaning` is its line in the configuration table."""
    metadata = {"env": name, "meaning": meaning, "secret": secret}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting with its environment variable, meaning and default. Intervals are in seconds unless named otherwise."""

    environment: str = _field("TURNUP_ENV", "`development`, `test` or `production`", "development")
    var_dir: Path = _field("TURNUP_VAR", "folder of everything that is written on this machine", Path("var"))
    secret_key: str = _field("TURNUP_SECRET_KEY", "signs tokens and page cursors", DEFAULT_SECRET, secret=True)
    sealing_keys: tuple[str, ...] = _field(
        "TURNUP_SEALING_KEYS", "Fernet keys that seal secrets at rest, newest first, comma-separated", (), secret=True
    )
    database_url: str = _field("DATABASE_URL", "PostgreSQL as the application's role", "", secret=True)
    system_database_url: str = _field("SYSTEM_DATABASE_URL", "as the role for work across owners", "", secret=True)
    migration_database_url: str = _field("MIGRATION_DATABASE_URL", "as the tables' owner", "", secret=True)
    provisioner_database_url: str = _field(
        "PROVISIONER_DATABASE_URL", "as the role that makes tenants' schemas (local provisioner)", "", secret=True
    )
    prepared_statements: bool = _field(
        "DATABASE_PREPARED_STATEMENTS",
        "true: half the work per step; for a direct connection or a pooler that knows prepared statements (PgBouncer 1.21)",
        False,
    )
    redis_url: str = _field("REDIS_URL", "Redis for limits, wake-ups and the event stream", "", secret=True)
    event_bus_type: str = _field("EVENT_BUS_TYPE", "where events are published: `redis` (a stream) or `kafka`", "redis")
    event_bus_url: str = _field(
        "EVENT_BUS_URL",
        "of `redis`: its URL, default REDIS_URL; of `kafka`: `kafka://[user:password@]host:port[,host:port]/topic[?settings]`",
        "",
        secret=True,
    )
    check_events: bool = _field(
        "TURNUP_CHECK_EVENTS",
        "true: an event that is not as its type's schema says is an error where it is raised",
        False,
    )
    broker_url: str = _field("CELERY_BROKER_URL", "Celery's broker; default: REDIS_URL", "", secret=True)
    smtp_url: str = _field("SMTP_URL", "`smtp[s]://[user:password@]host:port`", "smtp://127.0.0.1:1025", secret=True)
    mail_from: str = _field("MAIL_FROM", "sender of all mails", "Turnup <no-reply@turnup.local>")
    operations_email: str = _field("OPERATIONS_EMAIL", "where operations are told", "operations@turnup.local")
    sms_gateway_url: str = _field(
        "SMS_GATEWAY_URL",
        "where text messages are posted to; empty: they are files in the folder `sms` of TURNUP_VAR",
        "",
    )
    sms_gateway_token: str = _field("SMS_GATEWAY_TOKEN", "the gateway's bearer token", "", secret=True)
    base_domain: str = _field("BASE_DOMAIN", "tenants answer under `{slug}.BASE_DOMAIN`", "localhost")
    tenant_scheme: str = _field("TENANT_URL_SCHEME", "`http` or `https` of tenants' addresses", "http")
    tenant_port: int | None = _field("TENANT_URL_PORT", "port in tenants' addresses; empty: none", None)
    endpoints_host: str = _field("ENDPOINTS_HOST", "where the endpoints process listens", "127.0.0.1")
    endpoints_port: int = _field("ENDPOINTS_PORT", "port of the endpoints process", 8081)
    provision_seconds: float = _field(
        "PROVISION_SECONDS",
        "how long a deployment by Kubernetes or Docker may take until it answers, where its template says nothing",
        50.0,
    )
    kubernetes_api_url: str = _field("KUBERNETES_API_URL", "the API server; empty: the one of KUBECONFIG", "")
    kubernetes_token: str = _field("KUBERNETES_TOKEN", "a service account's token", "", secret=True)
    kubernetes_ca_file: str = _field("KUBERNETES_CA_FILE", "file with the API server's authority", "")
    kubernetes_config: str = _field("KUBECONFIG", "kubeconfig file; the settings above come before what it says", "")
    kubernetes_image: str = _field(
        "KUBERNETES_IMAGE", "image of tenants where their template names none; empty: no deployments on Kubernetes", ""
    )
    kubernetes_ingress_class: str = _field("KUBERNETES_INGRESS_CLASS", "class of the ingresses; empty: the default", "")
    kubernetes_ingress_url: str = _field(
        "KUBERNETES_INGRESS_URL", "where the ingress is asked for tenants' health; empty: at their own addresses", ""
    )
    kubernetes_cluster_issuer: str = _field(
        "KUBERNETES_CLUSTER_ISSUER", "cert-manager's issuer for https; empty: the ingress has a certificate", ""
    )
    awx_url: str = _field("AWX_URL", "an AWX or Automation Controller; empty: no deployments by it", "")
    awx_token: str = _field("AWX_TOKEN", "token of its user", "", secret=True)
    awx_deploy_template: int | None = _field("AWX_DEPLOY_TEMPLATE", "id of the job template that deploys", None)
    awx_destroy_template: int | None = _field("AWX_DESTROY_TEMPLATE", "id of the job template that removes", None)
    awx_provision_seconds: float = _field(
        "AWX_PROVISION_SECONDS", "how long a deployment by AWX may take, where its template says nothing", 900.0
    )
    docker_host: str = _field("DOCKER_HOST", "a Docker Engine, `tcp://host:port`", "")
    docker_cert_path: str = _field(
        "DOCKER_CERT_PATH", "folder with its ca.pem, cert.pem and key.pem; empty: no TLS", ""
    )
    docker_image: str = _field(
        "DOCKER_IMAGE", "image of tenants where their template names none; empty: no deployments on Docker", ""
    )
    docker_network: str = _field("DOCKER_NETWORK", "network in which Traefik finds the tenants", "traefik")
    docker_proxy_url: str = _field(
        "DOCKER_PROXY_URL", "where Traefik is asked for tenants' health; empty: at their own addresses", ""
    )
    api_host: str = _field("API_HOST", "where the API listens", "127.0.0.1")
    api_port: int = _field("API_PORT", "port of the API", 8000)
    flower_port: int = _field("FLOWER_PORT", "port of Flower", 5555)
    flower_user: str = _field("FLOWER_USER", "Flower's login", "operator")
    flower_password: str = _field("FLOWER_PASSWORD", "Flower's password", "", secret=True)
    public_url: str = _field("PUBLIC_URL", "address of this API as customers reach it", "http://127.0.0.1:8000")
    support_url: str = _field("SUPPORT_URL", "where customers find help, in mails to them; empty: PUBLIC_URL", "")
    admin_email: str = _field("TURNUP_ADMIN_EMAIL", "first administrator", "admin@turnup.local")
    admin_password: str = _field("TURNUP_ADMIN_PASSWORD", "their password; empty: generated", "", secret=True)
    operator_name: str = _field("OPERATOR_NAME", "the business that runs this installation", "Operator")
    workflow_engine_enabled: bool = _field("WORKFLOW_ENGINE_ENABLED", "false: accept and store, start nothing", True)
    workflow_execution_timeout: float = _field(
        "WORKFLOW_EXECUTION_TIMEOUT", "default of `max_duration_seconds`", 3600.0
    )
    workflow_retry_enabled: bool = _field("WORKFLOW_RETRY_ENABLED", "false: one attempt", True)
    workflow_retry_max_attempts: int = _field("WORKFLOW_RETRY_MAX_ATTEMPTS", "attempts where nothing else says", 3)
    workflow_steps_limit: int = _field("WORKFLOW_STEPS_LIMIT", "most steps of a definition", 1000)
    workflow_output_limit: int = _field(
        "WORKFLOW_OUTPUT_LIMIT", "most bytes of JSON of a context, an input or an output", 1024 * 1024
    )
    workflow_elements_limit: int = _field("WORKFLOW_ELEMENTS_LIMIT", "most elements of a step with for_each", 10_000)
    workflow_nesting_limit: int = _field("WORKFLOW_NESTING_LIMIT", "how deep sub-workflows may be nested", 10)
    lease_seconds: float = _field("TURNUP_LEASE_SECONDS", "how long a silent worker keeps its step", 30.0)
    sweep_interval: float = _field("TURNUP_SWEEP_INTERVAL", "seconds between looks for lost work", 1.0)
    resend_after: float = _field("TURNUP_RESEND_AFTER", "a ready step unheard of for so long is sent again", 15.0)
    integration_limits: tuple[str, ...] = _field(
        "TURNUP_INTEGRATION_LIMITS",
        "how often outside systems are called by all workers together: `payments=10/second,kubernetes=100/minute`",
        (),
    )
    breaker_failures: int = _field(
        "TURNUP_BREAKER_FAILURES", "an integration that fails so often in a row is left alone for a while", 5
    )
    breaker_seconds: float = _field("TURNUP_BREAKER_SECONDS", "how long; doubles each time that it still fails", 10.0)
    breaker_longest_seconds: float = _field("TURNUP_BREAKER_LONGEST_SECONDS", "how long at the most", 300.0)
    task_events: bool = _field("TURNUP_TASK_EVENTS", "true: workers tell Flower of every step", True)
    ack_emulation: bool = _field(
        "TURNUP_ACK_EMULATION",
        "Redis as broker: true: messages of dead workers are also restored by the broker; false: by the sweeper alone, for less",
        True,
    )
    payment_gateway: str = _field(
        "PAYMENT_GATEWAY",
        "how payments are taken where nothing else says: `stripe`, `bank_transfer`, `sandbox`; empty: the sandbox, which moves no money, and in production an error",
        "",
    )
    invoice_due_days: int = _field("INVOICE_DUE_DAYS", "days from an invoice to the day by which it is to be paid", 14)
    stripe_secret_key: str = _field("STRIPE_SECRET_KEY", "Stripe's API key; empty: no Stripe", "", secret=True)
    stripe_webhook_secret: str = _field("STRIPE_WEBHOOK_SECRET", "what Stripe signs its webhooks with", "", secret=True)
    stripe_api_url: str = _field("STRIPE_API_URL", "address of Stripe's API; empty: Stripe's own", "")
    draft_order_days: int = _field("DRAFT_ORDER_DAYS", "drafts older than this expire", 30)
    renewal_notice_days: int = _field("RENEWAL_NOTICE_DAYS", "notice before a subscription ends", 30)
    renewal_grace_days: int = _field(
        "RENEWAL_GRACE_DAYS",
        "days for which an overdue invoice stands in the way of no renewal, and a subscription that is being paid for outlives its period",
        14,
    )
    payment_required: bool = _field("ORDER_PAYMENT_REQUIRED", "true: an order needs a payment reference", False)
    public_rate_limit: str = _field("PUBLIC_RATE_LIMIT", "calls of public paths per address", "120 per minute")
    user_rate_limit: str = _field("USER_RATE_LIMIT", "calls per signed-in user", "1200 per minute")
    tenant_rate_limit: str = _field("TENANT_RATE_LIMIT", "calls of all users of a tenant", "12000 per minute")
    login_rate_limit: str = _field("LOGIN_RATE_LIMIT", "logins per account and per address", "10 per minute")
    access_token_minutes: int = _field("ACCESS_TOKEN_MINUTES", "life of an access token", 15)
    refresh_token_days: int = _field("REFRESH_TOKEN_DAYS", "life of a refresh token", 30)
    trusted_proxies: int = _field("TRUSTED_PROXIES", "proxies in front whose X-Forwarded-For is believed", 0)
    test_clock: bool = _field("TURNUP_TEST_CLOCK", "true: business time is moved by a row (never in production)", False)
    log_level: str = _field("LOG_LEVEL", "DEBUG, INFO, WARNING, ERROR", "INFO")
    log_json: bool = _field("LOG_JSON", "JSON lines (always in production)", False)

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @property
    def celery_broker_url(self) -> str:
        return self.broker_url or self.redis_url

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read and validate. Raises ConfigurationError with every fault found, unknown TURNUP_* names included."""
        environ = os.environ if environ is None else environ
        values: dict[str, object] = {}
        faults: list[str] = []
        for setting in dataclasses.fields(cls):
            name = setting.metadata["env"]
            raw = environ.get(name)
            if raw is None or raw == "":
                continue
            try:
                values[setting.name] = _parse(str(setting.type), raw)
            except ValueError:
                faults.append(f"{name} must be {_EXPECTED[str(setting.type)]}.")
        known = {setting.metadata["env"] for setting in dataclasses.fields(cls)}
        faults += [
            f"{name} is no setting of Turnup." for name in environ if name.startswith("TURNUP_") and name not in known
        ]
        settings = cls(**values)  # type: ignore[arg-type]
        faults += settings.faults()
        if faults:
            raise ConfigurationError(" ".join(faults))
        return settings

    def faults(self) -> list[str]:
        """What is wrong with these settings taken together, as sentences."""
        found = []
        if self.environment not in {"development", "test", "production"}:
            found.append("TURNUP_ENV must be development, test or production.")
        if self.tenant_scheme not in {"http", "https"}:
            found.append("TENANT_URL_SCHEME must be http or https.")
        for name, url, schemes in (
            ("DATABASE_URL", self.database_url, {"postgresql"}),
            ("SYSTEM_DATABASE_URL", self.system_database_url, {"postgresql"}),
            ("MIGRATION_DATABASE_URL", self.migration_database_url, {"postgresql"}),
            ("PROVISIONER_DATABASE_URL", self.provisioner_database_url, {"postgresql"}),
            ("REDIS_URL", self.redis_url, {"redis", "rediss", "unix"}),
            ("SMTP_URL", self.smtp_url, {"smtp", "smtps"}),
            ("SMS_GATEWAY_URL", self.sms_gateway_url, {"http", "https"}),
            ("KUBERNETES_API_URL", self.kubernetes_api_url, {"http", "https"}),
            ("KUBERNETES_INGRESS_URL", self.kubernetes_ingress_url, {"http", "https"}),
            ("AWX_URL", self.awx_url, {"http", "https"}),
            ("DOCKER_PROXY_URL", self.docker_proxy_url, {"http", "https"}),
            ("STRIPE_API_URL", self.stripe_api_url, {"http", "https"}),
        ):
            if url and urlsplit(url).scheme not in schemes:
                found.append(f"{name} must begin with {' or '.join(sorted(s + '://' for s in schemes))}.")
        found += self._faulty_bus()
        found += self._faulty_numbers()
        if self.production:
            if self.secret_key == DEFAULT_SECRET or len(self.secret_key) < MIN_SECRET_LENGTH:
                found.append(
                    f"TURNUP_SECRET_KEY must be set to at least {MIN_SECRET_LENGTH} random characters in production."
                )
            if not self.sealing_keys:
                found.append("TURNUP_SEALING_KEYS must be set in production (`turnup doctor --new-key` makes one).")
            if self.test_clock:
                found.append("TURNUP_TEST_CLOCK is refused in production.")
            if not self.payment_gateway:
                found.append(
                    "PAYMENT_GATEWAY must be set in production: stripe, bank_transfer, or sandbox, which moves no money."
                )
        return found

    def _faulty_bus(self) -> list[str]:
        if self.event_bus_type not in _BUS_SCHEMES:
            return ["EVENT_BUS_TYPE must be redis or kafka."]
        schemes = _BUS_SCHEMES[self.event_bus_type]
        begins = urlsplit(self.event_bus_url).scheme
        if begins in schemes or (not begins and self.event_bus_type == "redis"):
            return []
        written = " or ".join(f"{scheme}://" for scheme in schemes)
        return [f"EVENT_BUS_URL must begin with {written} where EVENT_BUS_TYPE is {self.event_bus_type}."]

    def _faulty_numbers(self) -> list[str]:
        found = []
        if self.lease_seconds <= 0 or self.sweep_interval <= 0 or self.workflow_retry_max_attempts < 1:
            found.append("Leases, intervals and attempts must be positive.")
        if self.renewal_notice_days < 0 or self.renewal_grace_days < 0:
            found.append("RENEWAL_NOTICE_DAYS and RENEWAL_GRACE_DAYS must not be negative.")
        if self.invoice_due_days < 0:
            found.append("INVOICE_DUE_DAYS must not be negative.")
        if not all(0 < each <= MOST_PROVISION_SECONDS for each in (self.provision_seconds, self.awx_provision_seconds)):
            found.append(
                f"PROVISION_SECONDS must be positive, AWX_PROVISION_SECONDS too, and both at most {MOST_PROVISION_SECONDS}."
            )
        if not 1 <= self.workflow_elements_limit <= MOST_ELEMENTS or self.workflow_nesting_limit < 1:
            found.append(
                f"WORKFLOW_ELEMENTS_LIMIT must be between 1 and {MOST_ELEMENTS}, WORKFLOW_NESTING_LIMIT positive."
            )
        if self.breaker_failures < 1 or not 0 < self.breaker_seconds <= self.breaker_longest_seconds:
            found.append(
                "TURNUP_BREAKER_FAILURES and TURNUP_BREAKER_SECONDS must be positive, "
                "and the latter no more than TURNUP_BREAKER_LONGEST_SECONDS."
            )
        return found

    def environment_variables(self) -> dict[str, str]:
        """These settings as environment variables, for child processes."""
        return {
            setting.metadata["env"]: _render(getattr(self, setting.name))
            for setting in dataclasses.fields(self)
            if getattr(self, setting.name) not in (None, "", ())
        }


_BUS_SCHEMES = {"redis": ("redis", "rediss", "unix"), "kafka": ("kafka",)}
_EXPECTED = {"int": "a whole number", "int | None": "a whole number", "float": "a number", "bool": "true or false"}
_TRUTH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _parse(kind: str, raw: str) -> object:
    match kind:
        case "int" | "int | None":
            return int(raw)
        case "float":
            return float(raw)
        case "bool":
            if raw.strip().lower() not in _TRUTH:
                raise ValueError(raw)
            return _TRUTH[raw.strip().lower()]
        case "Path":
            return Path(raw)
        case "tuple[str, ...]":
            return tuple(part.strip() for part in raw.split(",") if part.strip())
        case _:
            return raw


def _render(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, tuple) else str(value)
