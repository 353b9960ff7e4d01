"""The catalogue: what it begins with, what an order costs by it, and how it is changed."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.core.audit import AuditEntry
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import new_id
from app.core.world import World
from app.domains.catalog import service
from app.domains.catalog.models import Price, Region, Service, TaxRate
from app.domains.catalog.service import Line, Quote

PRICES = {
    "subscriber-provisioning": "99.00",
    "radius-aaa": "149.00",
    "network-monitoring": "199.00",
    "billing-invoicing": "249.00",
    "analytics-reporting": "99.00",
    "automation-workflows": "99.00",
}


@pytest.fixture
def seller(world: World) -> UUID:
    """A tenant with a freshly seeded catalogue of its own."""
    owner_id = new_id()
    with world.database.transaction(owner_id) as session:
        service.seed(session)
    return owner_id


def _price(world: World, owner_id: UUID, *codes: str, currency: str = "USD", region: str | None = None) -> Quote:
    with world.database.transaction(owner_id) as session:
        return service.price(
            session,
            lines=[Line(service_code=code) for code in codes],
            currency=currency,
            billing_cycle="monthly",
            region=region,
        )


def _tax(world: World, owner_id: UUID, rate: str, *, region: str | None = None, country: str | None = None) -> None:
    with world.database.transaction(owner_id) as session:
        session.add(TaxRate(region_code=region, country=country, rate=Decimal(rate)))


class TestSeed:
    def test_services_and_prices(self, world: World, seller: UUID) -> None:
        with world.database.transaction(seller) as session:
            found = {
                each.code: [(price.currency, str(price.monthly)) for price in each.prices]
                for each in service.services(session)
            }
        assert found == {code: [("USD", amount)] for code, amount in PRICES.items()}

    def test_packages(self, world: World, seller: UUID) -> None:
        starter = ["subscriber-provisioning", "billing-invoicing"]
        professional = [*starter, "radius-aaa", "network-monitoring"]
        with world.database.transaction(seller) as session:
            assert service.package_services(session, package_code="starter") == starter
            assert service.package_services(session, package_code="professional") == professional
            assert service.package_services(session, package_code="enterprise") == [
                *professional,
                "analytics-reporting",
                "automation-workflows",
            ]

    def test_regions(self, world: World, seller: UUID) -> None:
        with world.database.transaction(seller) as session:
            assert {region.code: region.country for region in service.regions(session)} == {
                "us-east-1": "US",
                "us-west-2": "US",
                "eu-west-1": "IE",
                "eu-central-1": "DE",
                "ap-southeast-1": "SG",
            }

    def test_seeding_again_changes_nothing_that_was_edited(self, world: World, seller: UUID) -> None:
        with world.database.transaction(seller) as session:
            service.set_price(session, service_code="radius-aaa", currency="USD", unit_price=Decimal("5.00"))
            service.update_package(session, code="starter", services=["radius-aaa"], name="Small")
        with world.database.transaction(seller) as session:
            service.seed(session)
        assert _price(world, seller, "radius-aaa").total_amount == Decimal("5.00")
        with world.database.transaction(seller) as session:
            assert service.package_services(session, package_code="starter") == ["radius-aaa"]
            assert len(service.packages(session)) == 3


class TestPrice:
    def test_starter_costs_348_dollars_a_month(self, world: World, seller: UUID) -> None:
        quote = _price(world, seller, "subscriber-provisioning", "billing-invoicing", region="us-east-1")
        assert str(quote.total_amount) == "348.00"
        assert (quote.tax_rate, quote.tax_amount, quote.discount_amount) == (0, 0, 0)
        assert [line.name for line in quote.lines] == ["Subscriber Management", "Billing & Invoicing"]

    def test_a_year_is_seeded_without_discount(self, world: World, seller: UUID) -> None:
        with world.database.transaction(seller) as session:
            quote = service.price(
                session,
                lines=[Line(service_code="radius-aaa", quantity=2, configuration={"realm": "x"})],
                currency="USD",
                billing_cycle="annual",
            )
        assert quote.total_amount == Decimal("3576.00")
        assert quote.lines[0].configuration == {"realm": "x"}

    def test_unknown_codes_are_refused_by_name_and_place(self, world: World, seller: UUID) -> None:
        with pytest.raises(Invalid) as refused:
            _price(world, seller, "radius-aaa", "warp-drive", "time-machine")
        assert [(fault.pointer, fault.message) for fault in refused.value.faults] == [
            ("/selected_services/1/service_code", "“warp-drive” is not in the catalogue."),
            ("/selected_services/2/service_code", "“time-machine” is not in the catalogue."),
        ]

    def test_every_fault_is_told_at_once(self, world: World, seller: UUID) -> None:
        with world.database.transaction(seller) as session, pytest.raises(Invalid) as refused:
            service.price(
                session,
                lines=[Line(service_code="warp-drive", quantity=-1)],
                currency="XTS",
                billing_cycle="weekly",
                region="mars-1",
            )
        assert {fault.pointer for fault in refused.value.faults} == {
            "/billing_cycle",
            "/selected_services/0/quantity",
            "/selected_services/0/service_code",
            "/deployment_region",
            "/currency",
        }

    def test_what_is_not_active_cannot_be_ordered(self, world: World, seller: UUID) -> None:
        with world.database.transaction(seller) as session:
            session.scalars(select(Service).where(Service.code == "radius-aaa")).one().is_active = False
            session.scalars(select(Region).where(Region.code == "us-east-1")).one().is_active = False
        with pytest.raises(Invalid, match="radius-aaa"):
            _price(world, seller, "radius-aaa")
        with pytest.raises(Invalid, match="us-east-1"):
            _price(world, seller, "network-monitoring", region="us-east-1")
        with world.database.transaction(seller) as session:
            assert not service.region_exists(session, code="us-east-1")
            assert service.region_exists(session, code="us-west-2")

    def test_a_further_currency_is_rows_not_code(self, world: World, seller: UUID) -> None:
        with world.database.transaction(seller) as session:
            service.set_price(session, service_code="radius-aaa", currency="JPY", unit_price=Decimal(20000))
        assert str(_price(world, seller, "radius-aaa", currency="JPY").total_amount) == "20000"
        with pytest.raises(Invalid) as refused:
            _price(world, seller, "radius-aaa", "network-monitoring", currency="JPY")
        assert [(fault.pointer, fault.message) for fault in refused.value.faults] == [
            ("/selected_services/1/service_code", "“network-monitoring” has no price in JPY.")
        ]

    def test_the_most_specific_tax_counts(self, world: World, seller: UUID) -> None:
        def taxed(region: str | None) -> Decimal:
            return _price(world, seller, "radius-aaa", region=region).tax_rate

        assert taxed("us-east-1") == 0
        _tax(world, seller, "7", country="US")
        _tax(world, seller, "19", country="DE")
        assert [taxed(region) for region in ("us-east-1", "us-west-2", "eu-central-1", None)] == [7, 7, 19, 0]
        _tax(world, seller, "8.875", region="us-east-1")
        assert [taxed(region) for region in ("us-east-1", "us-west-2")] == [Decimal("8.875"), 7]
        quote = _price(world, seller, "subscriber-provisioning", "radius-aaa", region="us-east-1")
        assert [str(line.tax_amount) for line in quote.lines] == ["8.79", "13.22"]
        assert str(quote.total_amount) == "270.01"

    def test_another_owner_s_catalogue_does_not_exist(self, world: World, seller: UUID) -> None:
        with pytest.raises(Invalid):
            _price(world, new_id(), "radius-aaa")


class TestEditing:
    def test_a_price_change_is_audited_with_old_and_new(self, world: World, seller: UUID) -> None:
        with world.database.transaction(seller) as session:
            price = service.set_price(
                session,
                service_code="radius-aaa",
                currency="USD",
                unit_price=Decimal("150.00"),
                annual_discount_percent=Decimal("12.5"),
            )
            assert (price.monthly, price.annual_discount_percent) == (Decimal("150.00"), Decimal("12.5"))
        with world.database.transaction(seller) as session:
            entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "price.set")).one()
            assert entry.before == {"unit_price": "149.000", "annual_discount_percent": "0.000"}
            assert entry.after == {"unit_price": "150.000", "annual_discount_percent": "12.500"}

    @pytest.mark.parametrize(
        ("currency", "amount", "pointer"),
        [("USD", "-1", "/unit_price"), ("USD", "1.001", "/unit_price"), ("usd", "1", "/currency")],
    )
    def test_wrong_prices_are_refused(
        self, world: World, seller: UUID, currency: str, amount: str, pointer: str
    ) -> None:
        with world.database.transaction(seller) as session, pytest.raises(Invalid) as refused:
            service.set_price(session, service_code="radius-aaa", currency=currency, unit_price=Decimal(amount))
        assert refused.value.faults[0].pointer == pointer

    def test_a_price_needs_a_service(self, world: World, seller: UUID) -> None:
        with world.database.transaction(seller) as session, pytest.raises(NotFound, match="warp-drive"):
            service.set_price(session, service_code="warp-drive", currency="USD", unit_price=Decimal(1))

    def test_a_new_service_can_be_ordered_once_it_has_a_price(self, world: World, seller: UUID) -> None:
        with world.database.transaction(seller) as session:
            service.create_service(session, code="warp-drive", name="Warp Drive")
        with pytest.raises(Invalid, match="no price"):
            _price(world, seller, "warp-drive")
        with world.database.transaction(seller) as session:
            service.set_price(session, service_code="warp-drive", currency="USD", unit_price=Decimal(9))
        assert _price(world, seller, "warp-drive").total_amount == 9

    def test_a_package_s_services_are_kept_in_order_and_replaced(self, world: World, seller: UUID) -> None:
        services = ["network-monitoring", "radius-aaa", "subscriber-provisioning"]
        with world.database.transaction(seller) as session:
            assert service.create_package(session, code="mine", name="Mine", services=services).services == services
        with world.database.transaction(seller) as session:
            service.update_package(session, code="mine", services=services[::-1])
        with world.database.transaction(seller) as session:
            assert service.package_services(session, package_code="mine") == services[::-1]

    def test_codes_are_unique_per_owner(self, world: World, seller: UUID) -> None:
        with world.database.transaction(seller) as session:
            with pytest.raises(Conflict):
                service.create_package(session, code="starter", name="Again", services=["radius-aaa"])
            with pytest.raises(Conflict):
                service.create_service(session, code="radius-aaa", name="Again")

    @pytest.mark.parametrize(
        ("services", "pointer"),
        [([], "/services"), (["radius-aaa", "warp-drive"], "/services/1"), (["radius-aaa"] * 2, "/services/1")],
    )
    def test_a_package_has_known_services_each_once(
        self, world: World, seller: UUID, services: list[str], pointer: str
    ) -> None:
        with world.database.transaction(seller) as session, pytest.raises(Invalid) as refused:
            service.create_package(session, code="mine", name="Mine", services=services)
        assert refused.value.faults[0].pointer == pointer

    def test_a_package_that_is_not_sold_any_more_is_refused(self, world: World, seller: UUID) -> None:
        with world.database.transaction(seller) as session:
            service.update_package(session, code="starter", is_active=False)
            with pytest.raises(Invalid) as refused:
                service.package_services(session, package_code="starter")
        assert refused.value.faults[0].pointer == "/package_code"


class TestConstraints:
    """What the database itself refuses, whoever writes."""

    @pytest.mark.parametrize(
        ("currency", "unit_price", "percent"), [("USD", "-0.01", "0"), ("eur", "1", "0"), ("EUR", "1", "101")]
    )
    def test_prices(self, world: World, seller: UUID, currency: str, unit_price: str, percent: str) -> None:
        with pytest.raises(IntegrityError), world.database.transaction(seller) as session:
            radius = session.scalars(select(Service).where(Service.code == "radius-aaa")).one()
            session.add(
                Price(
                    service_id=radius.id,
                    currency=currency,
                    unit_price=Decimal(unit_price),
                    annual_discount_percent=Decimal(percent),
                )
            )

    def test_one_tax_rate_for_a_place(self, world: World, seller: UUID) -> None:
        with pytest.raises(IntegrityError):
            _tax(world, seller, "5")
        with pytest.raises(IntegrityError):
            _tax(world, seller, "5", region="us-east-1", country="US")
