"""The activation workflow that a new installation begins with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.ids import new_id
from app.domains.activation.models import ActivationWorkflow

NAME = "Standard ISP Activation"

_SEQUENCE: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("subscriber-provisioning", (), True),
    ("billing-invoicing", ("subscriber-provisioning",), True),
    ("radius-aaa", ("subscriber-provisioning",), False),
    ("network-monitoring", ("radius-aaa",), False),
    ("analytics-reporting", ("billing-invoicing", "network-monitoring"), False),
    ("automation-workflows", ("subscriber-provisioning",), False),
)
"""Service, what it waits for, whether the order fails with it; in the order of their numbers."""


def seed(session: Session) -> None:
    """Insert the standard workflow where the session's owner lacks it; one that exists stays as it was edited."""
    has_default = session.scalar(
        select(exists().where(ActivationWorkflow.is_default, ActivationWorkflow.deployment_template_id.is_(None)))
    )
    sequence: list[dict[str, Any]] = [
        {
            "service": service,
            "sequence": number,
            "depends_on": list(depends_on),
            "critical": critical,
            "max_retries": 3,
        }
        for number, (service, depends_on, critical) in enumerate(_SEQUENCE, start=1)
    ]
    session.execute(
        insert(ActivationWorkflow)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            name=NAME,
            description="The services of an internet service provider, each after those that it builds on.",
            service_sequence=sequence,
            is_default=not has_default,
            created_by="seed",
        )
        .on_conflict_do_nothing(index_elements=["owner_id", "name"])
    )
