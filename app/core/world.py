"""Everything that was wired, in one frozen object: what routes, tasks and the CLI start from."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis

from app.core.across import AcrossOwners
from app.core.db import Database
from app.core.ports import Ports
from app.core.secrets import Vault
from app.core.settings import Settings
from pipelines.operations import Catalogue


@dataclass(frozen=True, slots=True)
class World:
    """Made once by the factory. `database` acts as one owner, `across` as the system role over all of them."""

    settings: Settings
    database: Database
    across: AcrossOwners
    redis: Redis
    vault: Vault
    operations: Catalogue
    ports: Ports

    def close(self) -> None:
        """Close all pools."""
        self.database.dispose()
        self.across.dispose()
        self.redis.close()
