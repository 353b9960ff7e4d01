"""What the built-in service codes set up is called, and what they contain."""

from __future__ import annotations

import ipaddress
import re

PREFIX_LETTERS = 8

REPORTS: tuple[tuple[str, str, str], ...] = (
    ("subscriber-growth", "Subscribers gained and lost", "0 6 * * 1"),
    ("revenue", "Revenue by service", "0 6 1 * *"),
    ("network-availability", "Availability of the network", "0 6 * * *"),
)
"""Code, title and cron schedule (UTC) of each report in a tenant's set."""

TRIGGERS: tuple[tuple[str, str], ...] = (
    ("lead_to_customer_onboarding", "lead.qualified"),
    ("quote_accepted_to_order", "quote.accepted"),
    ("partner_customer_provisioning", "partner.customer_requested"),
    ("customer_renewal_process", "subscription.expiring_soon"),
    ("isp_ticket_to_deployment", "ticket.installation_approved"),
)
"""The built-in workflows that start by themselves, and the event that starts each."""

DEFAULT_NAS = "127.0.0.1"
"""The network access server of a tenant that has not named one: this machine, nobody else."""


def numbering_prefix(slug: str) -> str:
    """What a tenant's subscriber numbers begin with: `EXAMPLEI-` for example-isp."""
    return f"{re.sub(r'[^A-Z0-9]', '', slug.upper())[:PREFIX_LETTERS]}-"


def nas_address(wanted: object) -> str:
    """The address or network of a network access server. Raises ValueError when it is neither."""
    if wanted is None:
        return DEFAULT_NAS
    network = ipaddress.ip_network(str(wanted))
    return str(network.network_address) if network.num_addresses == 1 else str(network)
