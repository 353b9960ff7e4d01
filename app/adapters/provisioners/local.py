"""The local provisioner: real work on one machine, and the embedded default.

A tenant gets a schema and a role of its own, a configuration directory, and an address under which the endpoints
process answers with the tenant's name. The deployment stands once that answer came.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import httpx
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from app.adapters.provisioners import records
from app.adapters.provisioners.addresses import activation_url, slug_of_host, tenant_host
from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.port import Deployed, DeploymentSpec
from app.adapters.provisioners.schemas import TenantSchemas
from app.core.settings import Settings

log = logging.getLogger(__name__)

HEALTH_SECONDS = 2.0
"""How long one health check may take."""
START_SECONDS = 10.0
"""How long a new endpoint may take until it answers."""
POLL_SECONDS = 0.1


class LocalProvisioner:
    """Deploys into the PostgreSQL behind PROVISIONER_DATABASE_URL, TURNUP_VAR and the endpoints process."""

    def __init__(self, settings: Settings, *, start_seconds: float = START_SECONDS) -> None:
        self._settings = settings
        self._schemas = TenantSchemas(settings.provisioner_database_url)
        self._start_seconds = start_seconds

    def deploy(self, spec: DeploymentSpec) -> Deployed:
        self._check(spec.reference)
        names = self._schemas.create(spec.reference)
        resources = {"cpu": spec.cpu, "memory_gb": spec.memory_gb, "storage_gb": spec.storage_gb}
        record = records.TenantRecord(
            slug=spec.reference,
            name=spec.tenant_name,
            tenant_id=spec.tenant_id,
            schema=names.schema,
            role=names.role,
            region=spec.region,
            environment=spec.environment,
            resources={name: str(value) for name, value in resources.items() if value is not None},
            config=dict(spec.config),
        )
        try:
            records.write(self._settings, record)
        except OSError as error:
            message = f"The configuration of {spec.reference} could not be written: {error.strerror}."
            raise ProvisioningFailed(message, permanent=False) from error
        self._wait_until_it_answers(record)
        return Deployed(endpoint=activation_url(self._settings, spec.reference), external_reference=spec.reference)

    def destroy(self, reference: str) -> None:
        self._check(reference)
        try:
            records.remove(self._settings, reference)
        except OSError as error:
            message = f"The configuration of {reference} could not be removed."
            raise ProvisioningFailed(message, permanent=False) from error
        self._schemas.drop(reference)

    def healthy(self, endpoint: str) -> bool:
        slug = slug_of_host(self._settings, urlsplit(endpoint).netloc)
        answer = self._ask(slug) if slug else None
        return answer is not None and answer.get("slug") == slug and answer.get("status") == "ok"

    def _wait_until_it_answers(self, record: records.TenantRecord) -> None:
        poll = Retrying(
            stop=stop_after_delay(self._start_seconds),
            wait=wait_fixed(POLL_SECONDS),
            retry=retry_if_result(lambda answer: answer is None or answer.get("tenant") != record.name),
        )
        try:
            poll(self._ask, record.slug)
        except RetryError as error:
            message = (
                f"{tenant_host(self._settings, record.slug)} did not answer its health check within "
                f"{self._start_seconds:g} seconds."
            )
            raise ProvisioningFailed(message, permanent=False) from error

    def _ask(self, slug: str) -> dict[str, object] | None:
        """What the endpoints process says of a tenant. Asked there directly: the host name need not resolve here."""
        address = f"http://{self._settings.endpoints_host}:{self._settings.endpoints_port}/health"
        try:
            answer = httpx.get(
                address, headers={"Host": tenant_host(self._settings, slug)}, timeout=HEALTH_SECONDS, trust_env=False
            )
            body = answer.json() if answer.status_code == httpx.codes.OK else None
        except (httpx.HTTPError, ValueError) as error:
            log.debug("%s does not answer: %s", slug, error)
            return None
        return body if isinstance(body, dict) else None

    def _check(self, reference: str) -> None:
        try:
            records.folder(self._settings, reference)
        except ValueError as error:
            raise ProvisioningFailed(f"A deployment cannot be called so: {error}.", permanent=True) from error
