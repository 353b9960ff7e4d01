"""The templates that a new installation begins with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.ids import new_id
from app.domains.deployments.models import DeploymentTemplate, PackageTemplate

TEMPLATES: tuple[tuple[str, str, str, str, int, int, int], ...] = (
    ("standard-cloud", "Standard Cloud", "For starters", "local", 2, 4, 50),
    ("enhanced-cloud", "Enhanced Cloud", "With room to grow", "local", 4, 8, 100),
    ("premium-cloud", "Premium Cloud", "For large networks", "local", 8, 16, 250),
    ("no-deployment", "No Deployment", "The service needs nothing of its own to run on", "none", 0, 0, 0),
)
"""Name, display name, description, type, CPUs, GB of memory, GB of storage."""

DEFAULT = "standard-cloud"

PACKAGES = {"starter": "standard-cloud", "professional": "enhanced-cloud", "enterprise": "premium-cloud"}


def seed(session: Session) -> None:
    """Insert the templates and package mappings that the session's owner lacks; what exists stays as it was edited."""
    owner_id: UUID = session.info[OWNER]
    has_default = session.scalar(
        select(exists().where(DeploymentTemplate.is_default, DeploymentTemplate.region.is_(None)))
    )
    for name, display_name, description, deployment_type, cpu, memory, storage in TEMPLATES:
        row: dict[str, Any] = {
            "id": new_id(),
            "owner_id": owner_id,
            "name": name,
            "display_name": display_name,
            "description": description,
            "deployment_type": deployment_type,
            "is_default": name == DEFAULT and not has_default,
            "resource_cpu_default": Decimal(cpu),
            "resource_memory_default": Decimal(memory),
            "resource_storage_default": Decimal(storage),
        }
        session.execute(
            insert(DeploymentTemplate).values(row).on_conflict_do_nothing(index_elements=["owner_id", "name"])
        )
    ids = {
        row[0]: row[1]
        for row in session.execute(
            select(DeploymentTemplate.name, DeploymentTemplate.id).where(DeploymentTemplate.name.in_(PACKAGES.values()))
        )
    }
    rows = [
        {"owner_id": owner_id, "package_code": package, "template_id": ids[name]} for package, name in PACKAGES.items()
    ]
    session.execute(
        insert(PackageTemplate).values(rows).on_conflict_do_nothing(index_elements=["owner_id", "package_code"])
    )
