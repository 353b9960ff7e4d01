"""Quotes are accepted, rejected, withdrawn, or expire: one of these, whoever is at it at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest

from app.core.clock import now
from app.core.ids import new_id
from app.domains.billing import service as billing
from app.domains.crm import service
from app.domains.crm.errors import IllegalQuoteTransition, QuoteExpired, QuoteInUse, QuoteNotFound
from app.domains.crm.queries import quotes as queries
from app.domains.sales import service as sales
from app.jobs import JOBS
from tests.domains.crm.conftest import WAITING, Desk
from tests.servers import eventually


def expire(desk: Desk) -> int:
    with desk.world.across.transaction() as session:
        return service.expire_quotes(session)


class TestAcceptance:
    def test_what_it_costs_is_owed_and_the_prospect_is_a_customer(self, desk: Desk) -> None:
        lead = desk.qualified()
        quote = desk.accepted(desk.offered(lead), accepted_by="Ada")
        assert (quote.status, quote.accepted_by) == ("accepted", "Ada")
        assert quote.accepted_at is not None
        owed = desk.owed(quote)
        assert owed is not None
        assert (owed.status, owed.amount, owed.currency) == ("open", Decimal(447), "USD")
        assert owed.customer_id == lead.customer_id
        assert desk.read_lead(lead).status == "converted"
        assert desk.customer_of(lead).status == "active"

    def test_it_is_told_with_what_workflows_want_to_know(self, desk: Desk) -> None:
        quote = desk.accepted()
        (_, (event_type, data)) = desk.events(f"quote/{quote.id}")
        assert event_type == "quote.accepted"
        assert (data["quote_id"], data["kind"], data["lead_id"]) == (str(quote.id), "new", str(quote.lead_id))
        assert (data["customer_email"], data["total_amount"]) == (quote.customer_email, "447.00")
        assert [product["product_code"] for product in data["products"]] == [
            "subscriber-provisioning",
            "billing-invoicing",
        ]

    def test_a_second_time_nothing_happens(self, desk: Desk) -> None:
        quote = desk.accepted(accepted_by="Ada")
        again = desk.accepted(quote, accepted_by="Bob")
        assert (again.accepted_by, again.accepted_at) == (quote.accepted_by, quote.accepted_at)
        assert desk.told(f"quote/{quote.id}") == ["quote.created", "quote.accepted"]

    def test_what_costs_nothing_is_accepted_like_anything_else(self, desk: Desk) -> None:
        quote = desk.accepted(desk.offered(discount_percent=Decimal(100)))
        owed = desk.owed(quote)
        assert owed is not None
        assert (quote.status, owed.status) == ("accepted", "paid")

    def test_a_quote_is_accepted_up_to_its_last_moment_and_not_at_it(self, desk: Desk) -> None:
        eleventh_hour, too_late = desk.offered(), desk.offered()
        with desk.session() as session:
            at = now(session)
        desk.sql("UPDATE quotes SET valid_until = :at WHERE id = :id", at=at + timedelta(hours=1), id=eleventh_hour.id)
        desk.sql("UPDATE quotes SET valid_until = :at WHERE id = :id", at=at, id=too_late.id)
        assert desk.accepted(eleventh_hour).status == "accepted"
        with pytest.raises(QuoteExpired, match=too_late.quote_number):
            desk.accepted(too_late)
        assert desk.read_quote(too_late).status == "open"
        assert desk.owed(too_late) is None

    @pytest.mark.parametrize("ended", ["rejected", "withdrawn"])
    def test_what_was_answered_is_not_accepted_any_more(self, desk: Desk, ended: str) -> None:
        quote = desk.offered()
        with desk.session() as session:
            end = service.reject_quote if ended == "rejected" else service.withdraw_quote
            end(session, quote_id=quote.id)
        with pytest.raises(IllegalQuoteTransition, match=f"is {ended} cannot become accepted"):
            desk.accepted(quote)
        assert desk.owed(quote) is None

    def test_there_is_no_quote_of_others(self, desk: Desk) -> None:
        with pytest.raises(QuoteNotFound, match=r"^Quote not found$"), desk.session() as session:
            service.accept_quote(session, quote_id=new_id(), key="test")


class TestRaces:
    def test_many_at_once_accept_once(self, desk: Desk) -> None:
        quote = desk.offered()
        with ThreadPoolExecutor(4) as pool:
            keys = {each.accepted_for for each in pool.map(lambda _: desk.accepted(quote), range(8))}
        assert len(keys) == 1
        assert desk.told(f"quote/{quote.id}") == ["quote.created", "quote.accepted"]
        assert desk.count("payables") == 1

    def test_whoever_expires_leaves_what_is_being_accepted(self, desk: Desk) -> None:
        quote = desk.offered()
        with desk.session() as session:
            service.accept_quote(session, quote_id=quote.id, key="test")
            # its time passes before the acceptance is committed
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(_expire_as_if_over, desk, quote).result() == 0
        assert desk.read_quote(quote).status == "accepted"
        assert desk.told(f"quote/{quote.id}") == ["quote.created", "quote.accepted"]

    def test_whoever_accepts_what_is_expiring_comes_too_late(self, desk: Desk) -> None:
        quote = desk.offered()
        desk.let_pass(quote)
        with ThreadPoolExecutor(1) as pool:
            with desk.world.across.transaction() as session:
                assert service.expire_quotes(session) >= 1
                theirs = pool.submit(desk.accepted, quote)
                eventually(lambda: session.execute(WAITING).scalar_one(), what="the acceptance waits")
            with pytest.raises(QuoteExpired):
                theirs.result()
        assert desk.read_quote(quote).status == "expired"
        assert desk.told(f"quote/{quote.id}") == ["quote.created", "quote.expired"]
        assert desk.owed(quote) is None

    def test_of_an_acceptance_and_a_withdrawal_at_once_the_first_counts(self, desk: Desk) -> None:
        quote = desk.offered()
        with desk.overtaken(lambda: desk.accepted(quote)) as (session, theirs):
            service.withdraw_quote(session, quote_id=quote.id)
        with pytest.raises(IllegalQuoteTransition, match="is withdrawn"):
            theirs[0].result()
        assert desk.owed(quote) is None
        assert quote.lead_id is not None
        with desk.session() as session:
            assert service.get_lead(session, lead_id=quote.lead_id).status == "qualified"


def _expire_as_if_over(desk: Desk, quote: service.Quote) -> int:
    """What beat's batch does with this quote a moment after its end."""
    with desk.world.across.transaction() as session:
        over = queries.to_expire(session, at=quote.valid_until + timedelta(seconds=1), limit=10_000)
        return sum(each.id == quote.id for each in over)


class TestExpiry:
    def test_each_expires_once_across_owners_and_nobody_owes_anything(self, desk: Desk) -> None:
        over, valid = desk.offered(), desk.offered()
        desk.let_pass(over)
        assert JOBS["expire_quotes"].run(desk.world).endswith("quotes expired.")
        JOBS["expire_quotes"].run(desk.world)
        kept = desk.read_quote(over)
        assert (kept.status, kept.close_reason) == ("expired", "its time has passed")
        assert kept.closed_at is not None
        assert desk.read_quote(valid).status == "open"
        assert desk.told(f"quote/{over.id}") == ["quote.created", "quote.expired"]
        assert desk.audit(f"quote/{over.id}")[-1].action == "quote.expired"

    def test_a_batch_is_no_larger_than_asked(self, desk: Desk) -> None:
        for quote in [desk.offered() for _ in range(3)]:
            desk.let_pass(quote)
        with desk.world.across.transaction() as session:
            assert service.expire_quotes(session, limit=2) == 2
        expire(desk)
        assert desk.count("quotes", "status = 'expired'") == 3

    def test_in_two_places_at_once_each_expires_once(self, desk: Desk) -> None:
        quotes = [desk.offered() for _ in range(6)]
        for quote in quotes:
            desk.let_pass(quote)
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: expire(desk), range(3)))
        assert [desk.told(f"quote/{quote.id}").count("quote.expired") for quote in quotes] == [1] * 6


class TestRejection:
    def test_the_reason_is_kept_and_told_once(self, desk: Desk) -> None:
        quote = desk.offered()
        for reason in ("too dear", "another"):
            with desk.session() as session:
                service.reject_quote(session, quote_id=quote.id, reason=reason)
        assert desk.read_quote(quote).close_reason == "too dear"
        (_, (event_type, data)) = desk.events(f"quote/{quote.id}")
        assert (event_type, data["reason"], data["status"]) == ("quote.rejected", "too dear", "rejected")

    def test_what_was_accepted_is_not_rejected_or_withdrawn_any_more(self, desk: Desk) -> None:
        quote = desk.accepted()
        for verb in (service.reject_quote, service.withdraw_quote):
            with pytest.raises(IllegalQuoteTransition), desk.session() as session:
                verb(session, quote_id=quote.id)


class TestUndo:
    def test_an_acceptance_taken_back_leaves_what_was_there(self, desk: Desk) -> None:
        lead = desk.qualified()
        quote = desk.accepted(desk.offered(lead), key="step")
        for _ in range(2):
            with desk.session() as session:
                service.undo_acceptance(session, quote_id=quote.id, key="step")
        again = desk.read_quote(quote)
        assert (again.status, again.accepted_at, again.accepted_by) == ("open", None, None)
        assert desk.owed(quote) is None
        assert desk.read_lead(lead).status == "qualified"
        assert desk.customer_of(lead).status == "prospect"
        assert desk.accepted(quote).status == "accepted"

    def test_what_another_key_accepted_stays(self, desk: Desk) -> None:
        quote = desk.accepted()
        with desk.session() as session:
            assert service.undo_acceptance(session, quote_id=quote.id, key="another").status == "accepted"
        assert desk.owed(quote) is not None

    def test_where_the_same_is_offered_again_the_first_is_withdrawn(self, desk: Desk) -> None:
        lead = desk.qualified()
        first = desk.accepted(desk.offered(lead), key="step")
        second = desk.offered(lead)
        with desk.session() as session:
            service.undo_acceptance(session, quote_id=first.id, key="step")
        assert (desk.read_quote(first).status, desk.read_quote(second).status) == ("withdrawn", "open")

    @pytest.mark.parametrize("ended", ["open", "accepted", "rejected", "expired"])
    def test_a_quote_taken_back_is_withdrawn_whatever_became_of_it(self, desk: Desk, ended: str) -> None:
        lead = desk.qualified()
        quote = desk.offered(lead)
        match ended:
            case "accepted":
                desk.accepted(quote)
            case "rejected":
                with desk.session() as session:
                    service.reject_quote(session, quote_id=quote.id)
            case "expired":
                desk.let_pass(quote)
                expire(desk)
        for _ in range(2):
            with desk.session() as session:
                assert service.undo_quote(session, quote_id=quote.id).status == "withdrawn"
        assert desk.owed(quote) is None
        assert desk.read_lead(lead).status == "qualified"
        assert desk.customer_of(lead).status == "prospect"

    def test_what_was_ordered_stays_until_the_order_is_cancelled(self, desk: Desk) -> None:
        quote = desk.accepted(key="step")
        with desk.session() as session:
            _, order = service.create_order_from_quote(session, quote_id=quote.id, key="test")
        with pytest.raises(QuoteInUse, match=order.order_number), desk.session() as session:
            service.undo_quote(session, quote_id=quote.id)
        with pytest.raises(QuoteInUse), desk.session() as session:
            service.undo_acceptance(session, quote_id=quote.id, key="step")
        with desk.session() as session:
            sales.cancel_order(session, order_id=order.id)
            assert service.undo_acceptance(session, quote_id=quote.id, key="step").status == "open"
        with desk.session() as session:
            assert billing.find_payable(session, source_type="order", source_id=str(order.id)) is None
