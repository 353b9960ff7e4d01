"""radius-aaa: the tenant's RADIUS realm, its first network access server, and the secret that the two share."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import secrets
from app.core.db import OWNER
from app.core.errors import Fault, Invalid
from app.core.ids import new_id
from app.core.ports import port
from app.core.secrets import Vault
from app.domains.activation import queries
from app.domains.activation.models import RadiusNasClient, RadiusRealm, ServiceActivation
from app.domains.activation.rules.setup import nas_address
from app.domains.activation.service.setup.outcome import Setup, tenant_endpoint
from app.domains.tenants import service as tenants

FIRST_CLIENT = "nas-1"


def set_up_radius(session: Session, *, tenant_id: UUID, activation: ServiceActivation) -> Setup:
    """The realm is the tenant's slug; the order's configuration may name the server's address (`nas_address`).

    Raises NotFound for an unknown tenant, Invalid for an address that is none.
    """
    tenant = tenants.get_tenant(session, tenant_id=tenant_id)
    address = _address(activation)
    session.execute(
        insert(RadiusRealm)
        .values(id=new_id(), owner_id=session.info[OWNER], tenant_id=tenant_id, realm=tenant.slug)
        .on_conflict_do_nothing(index_elements=["tenant_id"])
    )
    realm = queries.radius_realm(session, tenant_id)
    assert realm is not None
    clients = queries.nas_clients(session, tenant_id)
    client = clients[0] if clients else _first_client(session, realm, address)
    return Setup(
        endpoints=tenant_endpoint(session, tenant_id),
        references={
            "radius_realm_id": str(realm.id),
            "realm": realm.realm,
            "nas_client_id": str(client.id),
            "nas_address": client.address,
            "shared_secret": client.shared_secret,
        },
    )


def forget_radius(session: Session, *, tenant_id: UUID) -> bool:
    """Remove the realm with its clients, and destroy their secrets. False when there was none."""
    vault = port(session, Vault)
    for client in queries.nas_clients(session, tenant_id):
        vault.destroy(session, client.shared_secret)
    removed = session.scalars(delete(RadiusRealm).where(RadiusRealm.tenant_id == tenant_id).returning(RadiusRealm.id))
    return removed.first() is not None


def _address(activation: ServiceActivation) -> str:
    try:
        return nas_address(activation.terms.get("configuration", {}).get("nas_address"))
    except ValueError as error:
        message = "nas_address is no IP address or network."
        raise Invalid(message, faults=[Fault("/configuration/nas_address", message)]) from error


def _first_client(session: Session, realm: RadiusRealm, address: str) -> RadiusNasClient:
    reference = port(session, Vault).seal(session, f"RADIUS shared secret of {realm.realm}", secrets.generate())
    client = RadiusNasClient(
        id=new_id(),
        tenant_id=realm.tenant_id,
        radius_realm_id=realm.id,
        name=FIRST_CLIENT,
        address=address,
        shared_secret=reference,
    )
    session.add(client)
    session.flush()
    return client
