"""Fifty customers of one partner at once, on real workers, of a pool that has licenses for twenty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from app.core.settings import Settings
from app.core.world import World
from app.embedded.mail import MailServer
from tests.scenarios.firm import Firm, open_firm
from tests.workflows.cases import POOL, a_partner
from tests.workflows.frame import Standing, differences, standing

NAME = "partner_customer_provisioning"
CUSTOMERS = 50
LICENSE_PRICE = Decimal("12.50")
THREADS = 10


@pytest.fixture
def firm(
    world: World, client: FlaskClient, mail_server: MailServer, token_for: Callable[..., str], workers: Settings
) -> Firm:
    """A seller of the test's own, over real workers."""
    return open_firm(world, client, mail_server, token_for)


def provision(firm: Firm, partner: str, name: str) -> int:
    customer = {"name": name, "email": f"{name}@example.com"}
    return firm.start(NAME, partner_id=partner, customer_data=customer, license_count=1)


def new_rows(before: Standing, after: Standing) -> Counter[str]:
    """How many rows there are more that mean something, by table."""
    return +Counter({table: len(rows.keys() - before.get(table, {}).keys()) for table, rows in after.items()})


def what_one_makes(firm: Firm) -> Counter[str]:
    """What is there more after one customer of another partner; what is made at the first use only is there before."""
    partner = a_partner(firm.office).code
    firm.completed(provision(firm, partner, "first"))
    before = standing(firm.office)
    firm.completed(provision(firm, partner, "second"))
    return new_rows(before, standing(firm.office))


def test_twenty_are_provisioned_and_nothing_is_left_of_thirty(firm: Firm) -> None:
    of_one = what_one_makes(firm)
    assert of_one["customers"] == of_one["licenses"] == of_one["tenants"] == of_one["commissions"] == 1
    partner = a_partner(firm.office, licenses=POOL)
    before, deployed = standing(firm.office), len(firm.deployed())
    with ThreadPoolExecutor(THREADS) as threads:
        started = list(threads.map(lambda n: provision(firm, partner.code, f"customer-{n}"), range(CUSTOMERS)))
    ended = [firm.office.ended(execution_id, within=300) for execution_id in started]
    firm.quiet()
    failed = [execution for execution in ended if execution.state == "failed"]
    assert Counter(execution.state for execution in ended) == {"completed": POOL, "failed": CUSTOMERS - POOL}
    for execution in failed:
        assert execution.error is not None
        assert execution.error["step"] in {"check_quota", "allocate_licenses"}
        assert f"total {POOL}, used {POOL}, available 0, requested 1" in execution.error["message"]
    (pool,) = firm.office.rows("SELECT total, allocated FROM license_pools WHERE partner_id = :id", id=partner.id)
    assert (pool.total, pool.allocated) == (POOL, POOL)
    after = standing(firm.office)
    # twenty times what one makes, and not a row more of the thirty
    assert new_rows(before, after) == Counter({table: rows * POOL for table, rows in of_one.items()})
    changed = [line for line in differences(before, after) if "is new" not in line]
    assert [line.partition(" ")[0] for line in changed] == ["license_pools", "partner_agreements"]
    (terms,) = firm.office.rows("SELECT sold_amount FROM partner_agreements WHERE partner_id = :id", id=partner.id)
    assert terms.sold_amount == POOL * LICENSE_PRICE
    assert len(firm.deployed()) - deployed == POOL
    assert len(mails := firm.mails(partner.email)) == len(set(mails)) == POOL
