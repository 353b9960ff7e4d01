"""analytics-reporting: the tenant's set of reports."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.ids import new_id
from app.domains.activation import queries
from app.domains.activation.models import ReportSet
from app.domains.activation.rules.setup import REPORTS
from app.domains.activation.service.setup.outcome import Setup, tenant_endpoint
from app.domains.tenants import service as tenants


def set_up_reports(session: Session, *, tenant_id: UUID) -> Setup:
    """The standard reports, each with its schedule. Raises NotFound for an unknown tenant."""
    tenants.get_tenant(session, tenant_id=tenant_id)
    reports = [{"code": code, "title": title, "schedule": schedule} for code, title, schedule in REPORTS]
    session.execute(
        insert(ReportSet)
        .values(id=new_id(), owner_id=session.info[OWNER], tenant_id=tenant_id, reports=reports)
        .on_conflict_do_nothing(index_elements=["tenant_id"])
    )
    kept = queries.report_set(session, tenant_id)
    assert kept is not None
    return Setup(
        endpoints=tenant_endpoint(session, tenant_id),
        references={"report_set_id": str(kept.id), "reports": ", ".join(report["code"] for report in kept.reports)},
    )


def forget_reports(session: Session, *, tenant_id: UUID) -> bool:
    """Remove the tenant's reports. False when there were none."""
    removed = session.scalars(delete(ReportSet).where(ReportSet.tenant_id == tenant_id).returning(ReportSet.id))
    return removed.first() is not None
