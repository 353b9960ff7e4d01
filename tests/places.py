"""A place for deployments of one test process: its own folder and endpoints process, and the provisioners over them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psycopg

from app.adapters.provisioners import registry
from app.adapters.provisioners.addresses import tenant_host
from app.adapters.provisioners.port import Provisioners
from app.adapters.provisioners.schemas import TenantSchemas
from app.core.ports import Ports
from app.core.settings import Settings
from app.embedded.machine import free_port
from tests.servers import eventually, running


@dataclass(frozen=True)
class Place:
    """Where tenants are deployed, and what can be seen of them from outside."""

    settings: Settings
    provisioners: Provisioners

    @property
    def ports(self) -> Ports:
        ports = Ports()
        ports.add(Provisioners, self.provisioners)
        return ports

    def get(self, slug: str, path: str = "/") -> httpx.Response:
        """An answer of the endpoints process under a tenant's host name."""
        return self.ask(tenant_host(self.settings, slug), path)

    def ask(self, host: str, path: str = "/", method: str = "GET") -> httpx.Response:
        address = f"http://{self.settings.endpoints_host}:{self.settings.endpoints_port}{path}"
        return httpx.request(method, address, headers={"Host": host}, timeout=10, trust_env=False)

    def folder(self, slug: str) -> Path:
        return self.settings.var_dir / "tenants" / slug

    def things(self, slug: str) -> set[str]:
        """What there is of a tenant: schema, role, folder, answer."""
        names = TenantSchemas(self.settings.provisioner_database_url).names(slug)
        found = set()
        with psycopg.connect(self.settings.migration_database_url) as connection:
            if connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (names.schema,)).fetchone():
                found.add("schema")
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (names.role,)).fetchone():
                found.add("role")
        if self.folder(slug).exists():
            found.add("folder")
        if self.get(slug, "/health").status_code == httpx.codes.OK:
            found.add("answer")
        return found


EVERYTHING = {"schema", "role", "folder", "answer"}


@contextmanager
def place(settings: Settings, folder: Path) -> Iterator[Place]:
    """The endpoints process in a folder of its own, until the block ends."""
    own = replace(settings, var_dir=folder, endpoints_port=free_port())
    command = [sys.executable, "-m", "app.adapters.provisioners.endpoints"]
    with running(own, {"endpoints": command}):
        found = Place(own, registry.configured(own))
        eventually(lambda: _answers(found), what="the endpoints process")
        yield found


def _answers(found: Place) -> bool:
    try:
        return found.ask("nobody.example").status_code == httpx.codes.NOT_FOUND
    except httpx.TransportError:
        return False
