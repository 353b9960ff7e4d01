"""Customers: made once, found, changed, deleted; and what the database itself decides."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core import lists
from app.core.clock import now
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.settings import Settings
from app.domains.customers import service
from app.domains.customers.errors import (
    CustomerExists,
    CustomerInvalid,
    CustomerNotFound,
    IllegalCustomerTransition,
    NoReference,
)
from app.domains.customers.rules import Status, is_legal
from app.domains.customers.service import Customer, Removal, creating
from app.domains.customers.service.changing import transition
from tests.domains.customers.conftest import Books, address, new_customer, open_books
from tests.servers import eventually

WAITING = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
)


@contextmanager
def overtaken(books: Books, **changes: Any) -> Iterator[Future[Customer]]:
    """Somebody makes a customer while the block's own is made and not yet committed: what becomes of theirs."""
    with ThreadPoolExecutor(1) as pool:
        with books.session() as session:
            service.create_customer(session, new=new_customer(**changes))
            theirs = pool.submit(books.made, **changes)
            eventually(lambda: session.execute(WAITING).scalar_one(), what="the second waits for the first")
        yield theirs


class TestCreate:
    def test_a_customer_is_a_prospect_with_a_number_of_its_day(self, books: Books) -> None:
        customer = books.made(email="Ada@Example.com")
        with books.session() as session:
            today = f"{now(session):%Y%m%d}"
        prefix, day, rest = customer.customer_number.split("-")
        assert (prefix, day, len(rest)) == ("CUS", today, 8)
        assert (customer.status, customer.email, customer.name) == ("prospect", "ada@example.com", "Ada Lovelace")
        assert (customer.version, customer.owner_id, customer.addresses) == (1, books.owner_id, [])

    def test_everything_that_is_said_is_kept(self, books: Books) -> None:
        partner_id, lead_id = new_id(), new_id()
        made = books.made(
            name=None,
            first_name="Ada",
            last_name="Lovelace",
            company_name="Engines Ltd",
            phone="0161 496 0000",
            status="active",
            tier="gold",
            currency="gbp",
            tax_id="GB123",
            country="gb",
            partner_id=partner_id,
            lead_id=lead_id,
            settings={"invoices": {"by": "post"}},
            labels={"region": "north"},
            addresses=[
                address(kind="service", latitude=Decimal("53.483959"), longitude=Decimal("-2.244644")),
                address(line2="Flat 2", region="Greater Manchester", postal_code="M1 1AE", country="gb"),
            ],
        )
        customer = books.read(made)
        assert (customer.name, customer.phone, customer.currency, customer.country) == (
            "Ada Lovelace",
            "+441614960000",
            "GBP",
            "GB",
        )
        assert (customer.status, customer.tier, customer.tax_id) == ("active", "gold", "GB123")
        assert (customer.partner_id, customer.lead_id) == (partner_id, lead_id)
        assert (customer.settings, customer.labels) == ({"invoices": {"by": "post"}}, {"region": "north"})
        served, billed = customer.addresses
        assert (served.kind, served.latitude, served.longitude) == (
            "service",
            Decimal("53.483959"),
            Decimal("-2.244644"),
        )
        assert (billed.kind, billed.line2, billed.postal_code, billed.country) == (
            "billing",
            "Flat 2",
            "M1 1AE",
            "GB",
        )
        assert served.is_primary
        assert billed.is_primary

    def test_it_is_told_and_noted(self, books: Books) -> None:
        customer = books.made(status="active", addresses=[address()])
        assert books.events(customer) == [
            (
                "customer.created",
                {
                    "customer_id": str(customer.id),
                    "customer_number": customer.customer_number,
                    "email": customer.email,
                    "status": "active",
                },
            )
        ]
        (entry,) = books.audit(customer)
        assert (entry.action, entry.before) == ("customer.created", None)
        assert entry.after is not None
        assert (
            entry.after.items()
            >= {"customer_number": customer.customer_number, "status": "active", "addresses": 1}.items()
        )
        assert customer.email not in str(entry.after)

    def test_everything_wrong_is_told_at_once_and_nothing_is_made(self, books: Books) -> None:
        with pytest.raises(CustomerInvalid) as refused:
            books.made(email="nobody", name=" ", country="ZZ", status="inactive", addresses=[address(city="")])
        pointers = {fault.pointer for fault in refused.value.faults}
        assert pointers == {"/email", "/name", "/country", "/status", "/addresses/0/city"}
        assert books.count("customers") == 0

    def test_an_address_makes_one_customer_however_it_is_written(self, books: Books) -> None:
        books.made(email="ada@example.com")
        with pytest.raises(CustomerExists, match=r"ada@example\.com is a customer already") as refused:
            books.made(email="ADA@example.com")
        assert [fault.pointer for fault in refused.value.faults] == ["/email"]
        assert books.count("customers") == 1

    def test_an_address_may_be_a_customer_of_each_partner_once(self, books: Books) -> None:
        one, other = new_id(), new_id()
        for partner_id in (None, one, other):
            books.made(email="ada@example.com", partner_id=partner_id)
        with pytest.raises(CustomerExists, match=r"ada@example\.com is a customer of this partner already"):
            books.made(email="ada@example.com", partner_id=one)
        assert books.count("customers") == 3

    def test_a_lead_makes_one_customer_whatever_is_said_the_second_time(self, books: Books) -> None:
        lead_id = new_id()
        first = books.made(lead_id=lead_id)
        assert books.made(lead_id=lead_id, email="other@example.com").id == first.id
        assert books.made(lead_id=lead_id, email="nobody").id == first.id
        assert [event for event, _ in books.events(first)] == ["customer.created"]
        assert books.count("customers") == 1

    def test_of_two_at_once_with_one_address_one_is_made(self, books: Books) -> None:
        with overtaken(books, email="ada@example.com") as theirs, pytest.raises(CustomerExists):
            theirs.result()
        assert books.count("customers") == 1

    def test_of_two_at_once_for_one_partner_one_is_made(self, books: Books) -> None:
        with overtaken(books, email="ada@example.com", partner_id=new_id()) as theirs, pytest.raises(CustomerExists):
            theirs.result()
        assert books.count("customers") == 1

    def test_two_at_once_for_one_lead_get_one_customer(self, books: Books) -> None:
        lead_id = new_id()
        with overtaken(books, lead_id=lead_id) as theirs:
            customer = theirs.result()
        assert books.count("customers") == 1
        assert [event for event, _ in books.events(customer)] == ["customer.created"]

    def test_whoever_waited_for_one_that_was_given_up_is_made(self, books: Books) -> None:
        with ThreadPoolExecutor(1) as pool:
            with pytest.raises(NotFound), books.session() as session:
                service.create_customer(session, new=new_customer(email="ada@example.com"))
                theirs = pool.submit(books.made, email="ada@example.com")
                eventually(lambda: session.execute(WAITING).scalar_one(), what="the second waits for the first")
                raise CustomerNotFound
            assert books.read(theirs.result()).email == "ada@example.com"

    def test_a_number_that_is_taken_is_drawn_again(self, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn = iter(["CUS-20260101-AAAAAAAA", "CUS-20260101-AAAAAAAA", "CUS-20260101-BBBBBBBB"])
        monkeypatch.setattr(creating, "dated_number", lambda prefix, at: next(drawn))
        assert [books.made().customer_number[-1], books.made().customer_number[-1]] == ["A", "B"]


class TestFind:
    def test_by_address_among_the_owner_s_own_or_a_partner_s(self, books: Books) -> None:
        partner_id = new_id()
        own, partner_s = books.made(email="ada@example.com"), books.made(email="ada@example.com", partner_id=partner_id)
        with books.session() as session:

            def found(email: str, **among: Any) -> Any:
                customer = service.find_customer(session, email=email, **among)
                return customer and customer.id

            assert found(" ADA@example.com") == own.id
            assert found("ada@example.com", partner_id=partner_id) == partner_s.id
            assert found("ada@example.com", partner_id=new_id()) is None
            assert found("nobody") is None

    def test_by_number_and_by_lead(self, books: Books) -> None:
        customer = books.made(lead_id=new_id())
        with books.session() as session:
            by_number = service.find_customer(session, customer_number=customer.customer_number.lower())
            by_lead = service.find_customer(session, lead_id=customer.lead_id)
            assert by_number is by_lead is not None
            assert by_number.id == customer.id
            assert service.find_customer(session, customer_number="CUS-20260101-00000000") is None

    def test_by_whatever_the_caller_has(self, books: Books) -> None:
        customer = books.made()
        with books.session() as session:
            for reference in (str(customer.id), customer.serial, str(customer.serial), customer.customer_number):
                found = service.find_by_reference(session, reference=reference)
                assert found is not None
                assert found.id == customer.id
            for reference in (str(new_id()), 2**62, "CUS-20260101-00000000"):
                assert service.find_by_reference(session, reference=reference) is None
            with pytest.raises(NoReference, match="“somebody” is neither"):
                service.find_by_reference(session, reference="somebody")

    def test_another_owner_finds_nothing(self, books: Books) -> None:
        customer, other = books.made(lead_id=new_id()), open_books(books.world)
        with other.session() as session:
            assert service.find_customer(session, email=customer.email) is None
            assert service.find_customer(session, customer_number=customer.customer_number) is None
            assert service.find_customer(session, lead_id=customer.lead_id) is None
            for reference in (str(customer.id), customer.serial, customer.customer_number):
                assert service.find_by_reference(session, reference=reference) is None
            assert lists.newest(session, service.list_customers(session, q=customer.email), limit=10) == []
            verbs: list[Callable[..., Any]] = [
                service.get_customer,
                service.lock_customer,
                service.activate_customer,
                service.deactivate_customer,
                service.delete_customer,
            ]
            for verb in verbs:
                with pytest.raises(CustomerNotFound):
                    verb(session, customer_id=customer.id)
            with pytest.raises(CustomerNotFound):
                service.update_customer(session, customer_id=customer.id, changes={"name": "Mine"})
        assert (other.count("customers"), other.count("customer_addresses")) == (0, 0)
        assert other.made(email=customer.email, lead_id=customer.lead_id).id != customer.id
        assert books.read(customer).name == "Ada Lovelace"

    @pytest.mark.parametrize("rare", [1, lists.RARE])
    def test_the_list_is_searched_newest_first(self, books: Books, monkeypatch: pytest.MonkeyPatch, rare: int) -> None:
        """Also where what is searched for is too frequent to be named by its ids."""
        monkeypatch.setattr(lists, "RARE", rare)
        word = f"w_{secrets.token_hex(6)}"
        first = books.made(company_name=word)
        second = books.made(name=f"{word} Inc.", phone="+12125550142")
        third = books.made(email=f"{word}@example.com", status="active")
        open_books(books.world).made(company_name=word)

        def found(**filters: Any) -> list[Any]:
            with books.session() as session:
                rows = lists.newest(session, service.list_customers(session, **filters), limit=10)
                return [customer.id for customer in rows]

        assert found(q=word[1:].upper()) == [third.id, second.id, first.id]
        assert found(q=word, status="prospect") == [second.id, first.id]
        assert found(q=word.replace("_", "%")) == []
        assert found(q="+1212555") == [second.id]
        assert found(q=first.customer_number[4:]) == [first.id]
        assert found(email=f"{word.upper()}@example.com") == [third.id]
        assert found(partner_id=new_id()) == []

    def test_the_list_of_a_partner_s_customers(self, books: Books) -> None:
        partner_id = new_id()
        books.made()
        customer = books.made(partner_id=partner_id)
        with books.session() as session:
            rows = lists.newest(session, service.list_customers(session, partner_id=partner_id), limit=10)
            assert [each.id for each in rows] == [customer.id]


class TestUpdate:
    def test_what_is_given_changes_and_the_rest_stays(self, books: Books) -> None:
        customer = books.made(tier="gold", country="DE", labels={"a": "1"})
        changed = books.updated(customer, phone="030 1234567", tier=None, email="New@Example.com", settings={"b": 2})
        assert (changed.version, changed.updated_at > customer.updated_at) == (2, True)
        now_read = books.read(customer)
        assert (now_read.phone, now_read.tier, now_read.email) == ("+49301234567", None, "new@example.com")
        assert (now_read.settings, now_read.labels, now_read.name) == ({"b": 2}, {"a": "1"}, "Ada Lovelace")

    def test_it_is_noted_without_what_is_personal(self, books: Books) -> None:
        customer = books.made(tier="gold")
        books.updated(customer, tier="silver", phone="+12125550142")
        entry = books.audit(customer)[-1]
        assert entry.before is not None
        assert entry.after is not None
        assert (entry.action, entry.before["tier"], entry.after["tier"]) == ("customer.updated", "gold", "silver")
        assert entry.after["changed"] == ["phone", "tier"]
        assert "2125550142" not in str(entry.after)

    def test_addresses_are_replaced_together_and_move_the_version(self, books: Books) -> None:
        customer = books.made(addresses=[address(), address(kind="service")])
        changed = books.updated(customer, addresses=[address(kind="service", city="Bonn"), address(kind="shipping")])
        assert changed.version == 2
        assert [(each.kind, each.city, each.is_primary) for each in books.read(customer).addresses] == [
            ("service", "Bonn", True),
            ("shipping", "Berlin", True),
        ]
        assert books.count("customer_addresses") == 2
        books.updated(customer, addresses=[])
        assert books.count("customer_addresses") == 0

    def test_a_name_that_nobody_chose_follows_the_person_s(self, books: Books) -> None:
        derived = books.made(name=None, first_name="Ada", last_name="Byron")
        chosen = books.made(name="The Countess", first_name="Ada", last_name="Byron")
        assert books.updated(derived, last_name="Lovelace").name == "Ada Lovelace"
        assert books.updated(chosen, last_name="Lovelace").name == "The Countess"
        assert books.updated(chosen, name=None).name == "Ada Lovelace"

    @pytest.mark.parametrize(
        ("changes", "pointers"),
        [
            ({"email": "nobody", "phone": "1", "currency": "x"}, {"/email", "/phone", "/currency"}),
            ({"name": ""}, {"/name"}),
            ({"addresses": [address(kind="home")]}, {"/addresses/0/kind"}),
            ({"status": "active", "lead_id": None}, {"/status", "/lead_id"}),
            ({"colour": "red"}, {"/colour"}),
        ],
    )
    def test_what_is_wrong_changes_nothing(self, books: Books, changes: dict[str, Any], pointers: set[str]) -> None:
        customer = books.made()
        with pytest.raises(CustomerInvalid) as refused:
            books.updated(customer, **changes)
        assert {fault.pointer for fault in refused.value.faults} == pointers
        assert books.read(customer).version == 1

    def test_the_address_of_another_customer_is_refused(self, books: Books) -> None:
        customer = books.made()
        books.made(email="ada@example.com")
        with books.session() as session:
            with pytest.raises(CustomerExists, match=r"ada@example\.com is a customer already"):
                service.update_customer(session, customer_id=customer.id, changes={"email": "ada@example.com"})
            # the transaction goes on
            assert service.get_customer(session, customer_id=customer.id).email == customer.email

    def test_whoever_waits_for_a_lock_sees_what_the_other_did(self, books: Books) -> None:
        customer = books.made()
        with ThreadPoolExecutor(1) as pool:
            with books.session() as session:
                service.update_customer(session, customer_id=customer.id, changes={"tier": "gold"})
                theirs = pool.submit(books.updated, customer, tax_id="1")
                eventually(lambda: session.execute(WAITING).scalar_one(), what="the second waits for the first")
            assert (theirs.result().tier, theirs.result().version) == ("gold", 3)

    def test_a_lock_shows_what_changed_since_it_was_read(self, books: Books) -> None:
        customer = books.made()
        with books.session() as session:
            seen = service.get_customer(session, customer_id=customer.id)
            books.updated(customer, tier="gold", addresses=[address()])
            locked = service.lock_customer(session, customer_id=customer.id)
            assert locked is seen
            assert (locked.tier, locked.version, len(locked.addresses)) == ("gold", 2, 1)


class TestStatus:
    def test_a_prospect_becomes_active_leaves_and_comes_back(self, books: Books) -> None:
        customer = books.made()
        with books.session() as session:
            assert service.activate_customer(session, customer_id=customer.id).status == "active"
            assert service.deactivate_customer(session, customer_id=customer.id, reason="moved").status == "inactive"
            assert service.activate_customer(session, customer_id=customer.id).status == "active"
        assert [(event, data["status"]) for event, data in books.events(customer)] == [
            ("customer.created", "prospect"),
            ("customer.activated", "active"),
            ("customer.deactivated", "inactive"),
            ("customer.activated", "active"),
        ]
        assert [(entry.action, entry.reason) for entry in books.audit(customer)] == [
            ("customer.created", None),
            ("customer.activated", None),
            ("customer.deactivated", "moved"),
            ("customer.activated", None),
        ]

    def test_a_second_time_nothing_happens(self, books: Books) -> None:
        customer = books.made(status="active")
        with books.session() as session:
            assert service.activate_customer(session, customer_id=customer.id).version == 1
        assert [event for event, _ in books.events(customer)] == ["customer.created"]

    def test_an_activation_is_taken_back_by_what_made_it(self, books: Books) -> None:
        customer = books.made()
        with books.session() as session:
            service.activate_customer(session, customer_id=customer.id, key="step")
            assert service.take_back_activation(session, customer_id=customer.id, key="another").status == "active"
            for _ in range(2):
                assert service.take_back_activation(session, customer_id=customer.id, key="step").status == "prospect"
        assert books.read(customer).status == "prospect"
        entry = books.audit(customer)[-1]
        assert (entry.action, (entry.before or {})["status"]) == ("customer.activation_undone", "active")
        with books.session() as session:
            assert service.activate_customer(session, customer_id=customer.id).status == "active"

    def test_whoever_left_since_or_was_a_customer_before_is_no_prospect_again(self, books: Books) -> None:
        customer, known = books.made(), books.made(status="active")
        with books.session() as session:
            service.activate_customer(session, customer_id=customer.id, key="step")
            service.deactivate_customer(session, customer_id=customer.id)
            service.activate_customer(session, customer_id=customer.id, key="step")
            service.activate_customer(session, customer_id=known.id, key="step")
            for each in (customer, known):
                assert service.take_back_activation(session, customer_id=each.id, key="step").status == "active"

    def test_a_customer_is_never_a_prospect_again(self, books: Books) -> None:
        customer = books.made(status="active")
        with (
            books.session() as session,
            pytest.raises(IllegalCustomerTransition, match="is active cannot become prospect"),
        ):
            transition(session, service.lock_customer(session, customer_id=customer.id), Status.PROSPECT)

    @pytest.mark.parametrize("before", list(Status))
    @pytest.mark.parametrize("after", list(Status))
    def test_the_database_knows_the_same_transitions(self, books: Books, before: Status, after: Status) -> None:
        customer = books.made(status="prospect" if before is Status.PROSPECT else "active")
        if before is Status.INACTIVE:
            with books.session() as session:
                service.deactivate_customer(session, customer_id=customer.id)
        move = text("UPDATE customers SET status = :after WHERE id = :id")
        values = {"after": after.value, "id": customer.id}
        if before is after or is_legal(before, after):
            with books.session() as session:
                session.execute(move, values)
            assert books.read(customer).status == after
        else:
            with pytest.raises(IntegrityError, match="cannot become"), books.session() as session:
                session.execute(move, values)


class TestDelete:
    def test_a_customer_goes_with_its_addresses_and_may_come_again(self, books: Books) -> None:
        customer = books.made(email="ada@example.com", lead_id=new_id(), addresses=[address()])
        with books.session() as session:
            assert service.delete_customer(session, customer_id=customer.id) is Removal.DELETED
        assert (books.count("customers"), books.count("customer_addresses")) == (0, 0)
        assert [event for event, _ in books.events(customer)] == ["customer.created", "customer.deleted"]
        entry = books.audit(customer)[-1]
        assert (entry.action, entry.after) == ("customer.deleted", None)
        assert books.made(email="ada@example.com", lead_id=customer.lead_id).id != customer.id
        with books.session() as session, pytest.raises(CustomerNotFound):
            service.delete_customer(session, customer_id=customer.id)

    @pytest.mark.parametrize("on_delete", ["NO ACTION", "RESTRICT"])
    @pytest.mark.parametrize("status", ["prospect", "active"])
    def test_one_that_something_refers_to_is_deactivated(
        self, books: Books, settings: Settings, on_delete: str, status: str
    ) -> None:
        customer = books.made(status=status, addresses=[address()])
        with referring(settings, customer, on_delete=on_delete):
            for _ in range(2):
                with books.session() as session:
                    assert service.delete_customer(session, customer_id=customer.id) is Removal.DEACTIVATED
        kept = books.read(customer)
        assert (kept.status, len(kept.addresses)) == ("inactive", 1)
        assert [event for event, _ in books.events(customer)] == ["customer.created", "customer.deactivated"]
        assert books.audit(customer)[-1].reason == "deleted, but something refers to it"


@contextmanager
def referring(settings: Settings, customer: Customer, *, on_delete: str) -> Iterator[None]:
    """A room on a higher floor keeps something of the customer."""
    with psycopg.connect(settings.migration_database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE things_of_a_customer (customer_id uuid REFERENCES customers ON DELETE "  # type: ignore[arg-type]
            + on_delete
            + ")"
        )
        try:
            connection.execute("INSERT INTO things_of_a_customer VALUES (%s)", [customer.id])
            yield
        finally:
            connection.execute("DROP TABLE things_of_a_customer")


@pytest.mark.parametrize(
    "change",
    [
        "status = 'dormant'",
        "email = 'Ada@example.com'",
        "phone = '030 1234567'",
        "currency = 'eur'",
        "country = 'Germany'",
    ],
)
def test_the_database_refuses_what_the_rules_refuse(books: Books, change: str) -> None:
    customer = books.made()
    with pytest.raises(IntegrityError, match="violates check"), books.session() as session:
        session.execute(text(f"UPDATE customers SET {change} WHERE id = :id"), {"id": customer.id})


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ("kind = 'home'", "violates check"),
        ("country = 'Germany'", "violates check"),
        ("latitude = 1", "violates check"),
        ("latitude = 91, longitude = 1", "violates check"),
        ("is_primary = true", "uq_customer_addresses_primary"),
    ],
)
def test_the_database_refuses_such_an_address(books: Books, change: str, refused: str) -> None:
    books.made(addresses=[address(), address()])
    with pytest.raises(IntegrityError, match=refused), books.session() as session:
        session.execute(text(f"UPDATE customer_addresses SET {change}"))
