"""Work across owners: the only door to the system role.

Login, the public look-up by order number, the relay, the sweeper, timers and the scans of beat see rows of every tenant by
explicit policies of the role behind SYSTEM_DATABASE_URL. Everything else runs as one owner (core.db).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.ports import Ports
from app.core.settings import Settings


class AcrossOwners:
    """Transactions that see all owners' rows. A row made here names its owner itself."""

    def __init__(self, settings: Settings, *, pool_size: int = 2, ports: Ports | None = None) -> None:
        self._database = Database(
            settings.system_database_url,
            pool_size=pool_size,
            test_clock=settings.test_clock,
            application="turnup-system",
            prepare=settings.prepared_statements,
            ports=ports,
        )

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction across owners; commits at the end."""
        with self._database.transaction(None) as session:
            yield session

    def dispose(self) -> None:
        self._database.dispose()
