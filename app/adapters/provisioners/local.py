"""The local provisioner: real work on one machine, and the embedded default.

A tenant gets a schema and a role of its own, a configuration directory, and an address under which the endpoints
process answers with the tenant's name. The deployment stands once that answer came.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from app.adapters.provisioners import health, records, references
from app.adapters.provisioners.addresses import activation_url, slug_of_host, tenant_host
from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.polling import until
from app.adapters.provisioners.port import Deployed, DeploymentSpec
from app.adapters.provisioners.schemas import TenantSchemas
from app.core.settings import Settings

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
        references.check(spec.reference)
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
            domain=spec.domain,
            branding=dict(spec.branding),
            license_key=spec.license_key,
        )
        try:
            records.write(self._settings, record)
        except OSError as error:
            message = f"The configuration of {spec.reference} could not be written: {error.strerror}."
            raise ProvisioningFailed(message, permanent=False) from error
        self._wait_until_it_answers(record)
        return Deployed(endpoint=activation_url(self._settings, spec.reference), external_reference=spec.reference)

    def destroy(self, reference: str) -> None:
        references.check(reference)
        try:
            records.remove(self._settings, reference)
        except OSError as error:
            message = f"The configuration of {reference} could not be removed."
            raise ProvisioningFailed(message, permanent=False) from error
        self._schemas.drop(reference)

    def healthy(self, endpoint: str) -> bool:
        slug = slug_of_host(self._settings, urlsplit(endpoint).netloc)
        answer = self._ask(slug) if slug else {}
        return answer.get("slug") == slug and answer.get("status") == "ok"

    def _wait_until_it_answers(self, record: records.TenantRecord) -> None:
        def answers() -> bool:
            return self._ask(record.slug).get("tenant") == record.name

        if not until(answers, within=self._start_seconds, every=POLL_SECONDS):
            message = (
                f"{tenant_host(self._settings, record.slug)} did not answer its health check within "
                f"{self._start_seconds:g} seconds."
            )
            raise ProvisioningFailed(message, permanent=False)

    def _ask(self, slug: str) -> dict[str, object]:
        """What the endpoints process says of a tenant; nothing when it does not answer for it."""
        gateway = f"http://{self._settings.endpoints_host}:{self._settings.endpoints_port}"
        answer = health.ask(activation_url(self._settings, slug), gateway=gateway)
        try:
            body = answer.json() if answer is not None else {}
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}
