"""Tickets on the database: opened once, answered, moved, changed, approved; and their clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta
from typing import TypeVar

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from app.core.errors import BusinessError
from app.core.ids import new_id
from app.core.world import World
from app.domains.customers import service as customers
from app.domains.tenants import service as tenants
from app.domains.ticketing import service
from app.domains.ticketing.errors import (
    IllegalTransition,
    InstallationApproved,
    InvalidCustomer,
    NoInstallation,
    NotAParty,
    TargetInvalid,
    TicketClosed,
    TicketInvalid,
    TicketNotCreated,
    TicketNotFound,
    UnknownPriority,
)
from app.domains.ticketing.models import Ticket
from app.domains.ticketing.service import Author, Installation, Status, Target
from tests.domains.ticketing.conftest import STAFF, Desk, open_desk
from tests.servers import eventually

PARTNER = Author.of("partner@example.com", roles=("partner",))
PLATFORM = Author.of("platform@example.com", roles=("platform_admin",))
HOUR = timedelta(hours=1)
T = TypeVar("T")
WAITING = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
)


def pointers(error: BusinessError) -> set[str]:
    return {fault.pointer for fault in error.faults}


def second_of_two(desk: Desk, first: Callable[[Session], object], second: Callable[[], T]) -> Future[T]:
    """What becomes of the second act, which is begun once the first is done and before it is committed."""
    with ThreadPoolExecutor(1) as pool:
        with desk.session() as session:
            first(session)
            theirs = pool.submit(second)
            eventually(lambda: session.execute(WAITING).scalar_one(), what="the second waits for the first")
        return theirs


def closing(ticket: Ticket) -> Callable[[Session], object]:
    return lambda session: service.change_status(session, ticket_id=ticket.id, status=Status.CLOSED, by=STAFF)


class TestOpen:
    def test_staff_open_a_ticket_for_a_customer(self, desk: Desk) -> None:
        ticket = desk.opened(title=" No light ", priority="high", ticket_type="outage_report", assigned_team="noc")
        assert re.fullmatch(r"TCK-[0-9A-F]{12}", ticket.ticket_number)
        assert (ticket.title, ticket.status, ticket.priority) == ("No light", "open", "high")
        assert (ticket.origin_type, ticket.target_type, ticket.created_by) == ("customer", "tenant", STAFF.email)
        assert (ticket.customer_id, ticket.owner_id) == (desk.customer.id, desk.owner_id)
        assert ticket.context == {"assigned_team": "noc", "routing": {"team": "noc"}}
        assert ticket.sla_due_date - ticket.created_at == timedelta(hours=24)
        assert (ticket.first_response_at, ticket.resolution_time_minutes, ticket.closed_at) == (None, None, None)

    def test_the_description_is_the_first_message_and_no_response(self, desk: Desk) -> None:
        ticket = desk.opened()
        (first,) = desk.messages(ticket)
        assert (first.body, first.author_type, first.author) == (ticket.description, "customer", STAFF.email)
        assert desk.read(ticket).first_response_at is None

    def test_it_is_told_in_an_event_the_history_and_the_audit_log_without_what_was_written(self, desk: Desk) -> None:
        ticket = desk.opened()
        ((event_type, data),) = desk.events(ticket)
        assert (event_type, data["ticket_id"], data["customer_id"]) == (
            "ticket.created",
            str(ticket.id),
            str(desk.customer.id),
        )
        assert ticket.title not in str(data)
        assert [(entry.type, entry.actor) for entry in desk.history(ticket)] == [("created", STAFF.email)]
        assert desk.audit(ticket) == ["ticket.created"]

    def test_a_customer_is_known_by_id_serial_number_and_customer_number(self, desk: Desk) -> None:
        names = (desk.customer.id, str(desk.customer.id), desk.customer.serial, str(desk.customer.serial))
        for name in (*names, desk.customer.customer_number):
            assert desk.opened(customer=name).customer_id == desk.customer.id

    @pytest.mark.parametrize("name", ["nobody", "12-34", "", 2**70])
    def test_what_names_no_customer_is_refused(self, desk: Desk, name: str | int) -> None:
        with pytest.raises(InvalidCustomer) as refused:
            desk.opened(customer=name)
        assert str(refused.value) == f"Invalid customer_id: {name}"

    def test_a_customer_who_is_not_there_or_somebody_else_s_is_refused(self, desk: Desk, world: World) -> None:
        for stranger in (new_id(), open_desk(world).customer.id, 2**62):
            with pytest.raises(InvalidCustomer) as refused:
                desk.opened(customer=stranger)
            assert str(refused.value) == f"Invalid customer_id: {stranger} (customer lookup failed)"

    def test_every_other_fault_is_told_at_once(self, desk: Desk) -> None:
        with pytest.raises(TicketNotCreated) as refused:
            desk.opened(title="", priority="highest", tenant="nowhere", target="customer")
        assert str(refused.value).startswith("Failed to create ticket: The title is one line")
        assert pointers(refused.value) == {"/title", "/priority", "/tenant_id", "/target_type"}
        assert "A ticket does not go from a tenant to a customer." in str(refused.value)

    def test_a_ticket_to_the_tenant_names_who_asks_and_one_to_others_need_not(self, desk: Desk) -> None:
        with pytest.raises(TicketNotCreated) as refused:
            desk.opened(customer=None)
        assert pointers(refused.value) == {"/customer_id"}
        asked = desk.opened(customer=None, target="platform")
        assert (asked.origin_type, asked.target_type, asked.customer_id) == ("tenant", "platform", None)
        assert desk.opened(customer=None, by=PARTNER).origin_type == "partner"
        assert desk.opened(customer=None, by=PLATFORM, target="partner").origin_type == "platform"

    def test_the_database_knows_no_other_way_either(self, desk: Desk) -> None:
        ticket = desk.opened()
        with pytest.raises(IntegrityError, match="route"), desk.session() as session:
            session.execute(update(Ticket).where(Ticket.id == ticket.id).values(target_type="platform"))

    def test_installations_go_to_field_operations_whoever_was_named(self, desk: Desk) -> None:
        ticket = desk.opened(ticket_type="installation_request", assigned_team="onboarding_team")
        assert ticket.context == {"assigned_team": "field_ops", "routing": {"team": "field_ops"}}

    def test_a_tenant_that_it_is_about_is_named_by_id_or_slug(self, desk: Desk) -> None:
        with desk.session() as session:
            about = tenants.create_tenant(session, name="About", slug=f"a{new_id().hex[-12:]}")
            own = tenants.get_tenant(session, tenant_id=desk.owner_id)
        assert desk.opened(tenant=about.id).tenant_id == desk.opened(tenant=about.slug).tenant_id == about.id
        # the tenant whose ticket it is: scripts name it
        assert desk.opened(tenant=str(own.id)).tenant_id is desk.opened(tenant=own.slug).tenant_id is None

    def test_asking_again_finds_the_ticket_whatever_became_of_it(self, desk: Desk) -> None:
        first = desk.opened(key="step")
        desk.moved(first, Status.CLOSED)
        # what it is asked with is not even looked at: the customer may be gone by now
        again = desk.opened(key="step", title="Something else", customer="nobody")
        assert (again.id, again.status, again.title) == (first.id, "closed", "No light")
        assert desk.opened(key="another step").id != first.id
        assert [event_type for event_type, _ in desk.events(first)] == ["ticket.created", "ticket.status_changed"]

    def test_asking_at_the_same_time_opens_one(self, desk: Desk) -> None:
        late = second_of_two(
            desk,
            lambda session: service.create_ticket(session, new=desk.new(), key="step", by=STAFF),
            lambda: desk.opened(key="step"),
        )
        (found,) = desk.all()
        assert late.result().id == found.id
        assert len(desk.messages(found)) == len(desk.history(found)) == len(desk.events(found)) == 1

    def test_a_number_is_given_once_in_the_installation(
        self, desk: Desk, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        taken = open_desk(world).opened().ticket_number.removeprefix("TCK-").lower()
        free = new_id().hex[-12:]
        numbers = iter([taken, taken, free])
        monkeypatch.setattr("app.domains.ticketing.service.opening.secrets.token_hex", lambda _: next(numbers))
        assert desk.opened().ticket_number == f"TCK-{free.upper()}"


class TestStatus:
    def test_a_ticket_is_worked_on_resolved_and_closed(self, desk: Desk) -> None:
        ticket = desk.opened()
        desk.moved(ticket, Status.IN_PROGRESS)
        resolved = desk.moved(ticket, Status.RESOLVED, later=2 * HOUR, reason="a new splice")
        assert (resolved.resolution_time_minutes, resolved.closed_at) == (120, None)
        closed = desk.moved(ticket, Status.CLOSED, later=9 * HOUR)
        assert (closed.resolution_time_minutes, closed.resolved_at) == (120, resolved.resolved_at)
        assert closed.closed_at is not None
        changes = [entry.data for entry in desk.history(ticket) if entry.type == "status_changed"]
        assert changes == [
            {"before": "open", "after": "in_progress", "reason": None},
            {"before": "in_progress", "after": "resolved", "reason": "a new splice"},
            {"before": "resolved", "after": "closed", "reason": None},
        ]
        told = [(data["former_status"], data["status"]) for kind, data in desk.events(ticket) if "status" in kind]
        assert told == [("open", "in_progress"), ("in_progress", "resolved"), ("resolved", "closed")]
        assert desk.audit(ticket) == ["ticket.created", *["ticket.status_changed"] * 3]

    def test_it_is_reopened_and_has_all_the_time_that_it_had_left(self, desk: Desk) -> None:
        ticket = desk.opened(priority="urgent")
        desk.moved(ticket, Status.RESOLVED, later=HOUR)
        desk.moved(ticket, Status.CLOSED, later=2 * HOUR)
        again = desk.moved(ticket, Status.OPEN, later=50 * HOUR)
        assert (again.resolved_at, again.closed_at, again.resolution_time_minutes) == (None, None, None)
        left = again.sla_due_date - ticket.created_at - 50 * HOUR
        assert abs(left - 3 * HOUR) < timedelta(minutes=1)
        done = desk.moved(ticket, Status.RESOLVED, later=51 * HOUR)
        assert done.resolution_time_minutes in {119, 120}

    def test_time_spent_waiting_does_not_count(self, desk: Desk) -> None:
        ticket = desk.opened()
        waiting = desk.moved(ticket, Status.WAITING, later=HOUR)
        assert waiting.sla_due_date == ticket.sla_due_date
        desk.moved(ticket, Status.RESOLVED, later=100 * HOUR)
        assert desk.read(ticket).resolution_time_minutes == 60

    def test_going_where_it_is_changes_nothing(self, desk: Desk) -> None:
        ticket = desk.opened()
        desk.moved(ticket, Status.OPEN)
        assert len(desk.history(ticket)) == len(desk.events(ticket)) == 1

    def test_what_is_closed_is_reopened_before_it_goes_on(self, desk: Desk) -> None:
        ticket = desk.opened()
        desk.moved(ticket, Status.CLOSED)
        with pytest.raises(IllegalTransition, match=r"A ticket that is closed cannot become waiting\."):
            desk.moved(ticket, Status.WAITING)

    def test_of_two_at_once_the_second_sees_what_the_first_did(self, desk: Desk) -> None:
        ticket = desk.opened()
        late = second_of_two(desk, closing(ticket), lambda: desk.moved(ticket, Status.WAITING))
        with pytest.raises(IllegalTransition):
            late.result()

    def test_a_lock_shows_what_changed_since_the_ticket_was_read(self, desk: Desk) -> None:
        ticket = desk.opened()
        with desk.session() as session:
            seen = service.get_ticket(session, ticket_id=ticket.id)
            desk.moved(ticket, Status.CLOSED)
            with pytest.raises(IllegalTransition):
                service.change_status(session, ticket_id=ticket.id, status=Status.WAITING, by=STAFF)
            assert seen.status == "closed"

    def test_a_ticket_of_others_is_not_there(self, desk: Desk, world: World) -> None:
        ticket = open_desk(world).opened()
        with pytest.raises(TicketNotFound):
            desk.moved(ticket, Status.CLOSED)
        with pytest.raises(TicketNotFound):
            desk.said(ticket)
        with pytest.raises(TicketNotFound):
            desk.messages(ticket)


class TestMessages:
    def test_the_first_word_of_who_is_asked_is_the_first_response(self, desk: Desk) -> None:
        ticket = desk.opened()
        desk.said(ticket, author_type="customer")
        assert desk.read(ticket).first_response_at is None
        answer = desk.said(ticket, later=HOUR)
        assert (answer.author_type, answer.author) == ("tenant", STAFF.email)
        desk.said(ticket, later=2 * HOUR)
        assert desk.read(ticket).first_response_at == answer.created_at

    @pytest.mark.parametrize("status", [Status.WAITING, Status.RESOLVED])
    def test_the_customer_s_word_opens_it_again(self, desk: Desk, status: Status) -> None:
        ticket = desk.opened()
        desk.moved(ticket, status)
        desk.said(ticket)
        assert desk.read(ticket).status == status
        desk.said(ticket, author_type="customer", body="Still dark.")
        assert desk.read(ticket).status == "open"
        assert [kind for kind, _ in desk.events(ticket)][-2:] == ["ticket.message_added", "ticket.status_changed"]

    def test_nobody_speaks_in_a_closed_ticket(self, desk: Desk) -> None:
        ticket = desk.opened()
        desk.moved(ticket, Status.CLOSED)
        with pytest.raises(TicketClosed):
            desk.said(ticket)

    def test_only_its_two_parties_speak(self, desk: Desk) -> None:
        ticket = desk.opened()
        with pytest.raises(NotAParty, match="between a customer and a tenant"):
            desk.said(ticket, by=PARTNER)
        with pytest.raises(NotAParty, match="for a platform"):
            desk.said(ticket, author_type="platform")
        assert desk.said(ticket, by=PLATFORM).author_type == "tenant"

    def test_messages_make_threads_within_a_ticket(self, desk: Desk) -> None:
        ticket = desk.opened()
        (first,) = desk.messages(ticket)
        answer = desk.said(ticket, reply_to_id=first.id)
        assert desk.said(ticket, reply_to_id=answer.id).reply_to_id == answer.id
        elsewhere = desk.messages(desk.opened())[0]
        with pytest.raises(TicketInvalid) as refused:
            desk.said(ticket, reply_to_id=elsewhere.id, body="")
        assert pointers(refused.value) == {"/reply_to_id", "/body"}

    def test_attachments_are_kept_with_the_message(self, desk: Desk) -> None:
        ticket = desk.opened()
        photo = service.Attachment(name="photo.jpg", url="https://example.com/photo.jpg", size_bytes=7)
        desk.said(ticket, attachments=[photo])
        assert desk.messages(ticket)[-1].attachments == [
            {"name": "photo.jpg", "url": "https://example.com/photo.jpg", "media_type": None, "size_bytes": 7}
        ]

    def test_what_is_said_while_it_is_closed_comes_too_late(self, desk: Desk) -> None:
        ticket = desk.opened()
        late = second_of_two(desk, closing(ticket), lambda: desk.said(ticket))
        with pytest.raises(TicketClosed):
            late.result()


class TestChange:
    def test_what_is_changed_is_in_the_history(self, desk: Desk) -> None:
        ticket = desk.opened(assigned_team="noc")
        changed = desk.changed(ticket, title="Dark again", assigned_team="field_ops", service_address=None)
        assert (changed.title, changed.assigned_team) == ("Dark again", "field_ops")
        assert changed.updated_at > ticket.updated_at
        assert desk.history(ticket)[-1].data == {
            "assigned_team": {"before": "noc", "after": "field_ops"},
            "title": {"before": "No light", "after": "Dark again"},
        }
        desk.changed(ticket, title="Dark again")
        assert [entry.type for entry in desk.history(ticket)] == ["created", "changed"]

    def test_with_another_priority_it_is_due_as_if_it_had_always_had_it(self, desk: Desk) -> None:
        ticket = desk.opened()
        desk.moved(ticket, Status.WAITING)
        desk.moved(ticket, Status.OPEN, later=10 * HOUR)
        urgent = desk.changed(ticket, priority="urgent")
        assert abs(urgent.sla_due_date - ticket.created_at - 14 * HOUR) < timedelta(minutes=1)
        assert desk.changed(ticket, priority="normal").sla_due_date - urgent.sla_due_date == 68 * HOUR

    def test_another_type_goes_to_the_team_of_that_type_unless_one_is_named(self, desk: Desk) -> None:
        ticket = desk.opened(assigned_team="noc")
        assert desk.changed(ticket, ticket_type="speed_issue").assigned_team == "noc"
        assert desk.changed(ticket, ticket_type="installation_request").assigned_team == "field_ops"
        assert desk.changed(ticket, ticket_type="installation_request", assigned_team="noc").assigned_team == "noc"

    def test_what_cannot_be_is_told_at_once(self, desk: Desk) -> None:
        ticket = desk.opened()
        with pytest.raises(TicketInvalid) as refused:
            desk.changed(ticket, title="", status="closed", ticket_type="complaint")
        assert pointers(refused.value) == {"/title", "/status", "/ticket_type"}
        desk.moved(ticket, Status.CLOSED)
        with pytest.raises(TicketClosed):
            desk.changed(ticket, title="Dark again")

    def test_its_history_is_not_rewritten(self, desk: Desk) -> None:
        ticket = desk.opened()
        for statement in ("UPDATE ticket_events SET actor = 'nobody'", "DELETE FROM ticket_events"):
            with pytest.raises(ProgrammingError, match="permission denied"), desk.session() as session:
                session.execute(text(statement))
        assert len(desk.history(ticket)) == 1


def installation(**changes: object) -> Installation:
    wanted = {
        "bandwidth_plan": "fiber-500",
        "service_location": "BER-1",
        "config_template": "home",
        "subscription_id": new_id(),
    }
    return Installation(**(wanted | changes))  # type: ignore[arg-type]


class TestApprove:
    @pytest.fixture
    def approve(self, desk: Desk) -> Callable[..., Ticket]:
        def approved(ticket: Ticket, **changes: object) -> Ticket:
            with desk.session() as session:
                return service.approve_installation(
                    session, ticket_id=ticket.id, installation=installation(**changes), by=STAFF
                )

        return approved

    def test_whoever_carries_it_out_learns_all_that_is_needed(self, desk: Desk, approve: Callable[..., Ticket]) -> None:
        ticket = desk.opened(
            ticket_type="installation_request", service_address="Hauptstr. 1, Berlin", device_serial_numbers=["SN1"]
        )
        subscription_id = new_id()
        approved = approve(ticket, subscription_id=subscription_id, installation_date=date(2026, 5, 1))
        assert approved.approved_at is not None
        kind, data = desk.events(ticket)[-1]
        assert kind == "ticket.installation_approved"
        wanted = {
            "ticket_id": str(ticket.id),
            "customer_id": str(desk.customer.id),
            "service_location": "BER-1",
            "bandwidth_plan": "fiber-500",
            "installation_address": "Hauptstr. 1, Berlin",
            "technician_id": None,
            "installation_date": "2026-05-01",
            "cpe_serial": "SN1",
            "config_template": "home",
            "subscription_id": str(subscription_id),
        }
        assert data.items() >= wanted.items()
        assert [entry.type for entry in desk.history(ticket)] == ["created", "installation_approved"]

    def test_address_and_device_are_given_or_the_ticket_s(self, desk: Desk, approve: Callable[..., Ticket]) -> None:
        ticket = desk.opened(ticket_type="installation_request", device_serial_numbers=["SN1", "SN2"])
        with pytest.raises(TicketInvalid) as refused:
            approve(ticket)
        assert pointers(refused.value) == {"/installation_address", "/cpe_serial"}
        approve(ticket, installation_address="Hauptstr. 2", cpe_serial="SN2")
        assert desk.events(ticket)[-1][1]["cpe_serial"] == "SN2"

    def test_it_is_approved_once(self, desk: Desk, approve: Callable[..., Ticket]) -> None:
        given = {"installation_address": "Hauptstr. 1", "cpe_serial": "SN1"}
        ticket = desk.opened(ticket_type="installation_request")
        late = second_of_two(
            desk,
            lambda session: service.approve_installation(
                session, ticket_id=ticket.id, installation=installation(**given), by=STAFF
            ),
            lambda: approve(ticket, **given),
        )
        with pytest.raises(InstallationApproved):
            late.result()
        assert [kind for kind, _ in desk.events(ticket)].count("ticket.installation_approved") == 1
        with pytest.raises(TicketInvalid, match="stays a request"):
            desk.changed(ticket, ticket_type="speed_issue")

    def test_only_what_asks_for_an_installation_is(self, desk: Desk, approve: Callable[..., Ticket]) -> None:
        with pytest.raises(NoInstallation, match="asks for no installation"):
            approve(desk.opened())
        of_nobody = desk.opened(ticket_type="installation_request", customer=None, target="partner")
        with pytest.raises(NoInstallation, match="names no customer"):
            approve(of_nobody)
        done = desk.opened(ticket_type="installation_request")
        desk.moved(done, Status.CLOSED)
        with pytest.raises(NoInstallation, match="reopen it first"):
            approve(done)


class TestTargets:
    def test_an_owner_begins_with_one_for_each_priority(self, desk: Desk) -> None:
        for _ in range(2):
            with desk.session() as session:
                rows = session.scalars(service.list_targets(session)).all()
                assert {row.priority: row.resolution_minutes // 60 for row in rows} == {
                    "urgent": 4,
                    "high": 24,
                    "normal": 72,
                    "low": 120,
                }

    def test_new_tickets_go_by_the_new_target_and_old_ones_keep_theirs(self, desk: Desk) -> None:
        before = desk.opened()
        with desk.session() as session:
            service.set_target(session, priority="normal", target=Target(30, 60))
            service.seed(session)
        assert desk.read(before).sla_due_date == before.sla_due_date
        after = desk.opened()
        assert after.sla_due_date - after.created_at == HOUR

    def test_what_nobody_can_meet_is_refused(self, desk: Desk) -> None:
        with desk.session() as session, pytest.raises(TargetInvalid):
            service.set_target(session, priority="normal", target=Target(61, 60))
        with desk.session() as session, pytest.raises(UnknownPriority):
            service.set_target(session, priority="highest", target=Target(1, 1))


def test_a_customer_with_tickets_is_not_deleted(desk: Desk) -> None:
    desk.opened()
    with desk.session() as session:
        assert customers.delete_customer(session, customer_id=desk.customer.id) == "deactivated"


def test_a_message_is_answered_in_its_own_ticket_only(desk: Desk) -> None:
    ticket, other = desk.opened(), desk.opened()
    (first,) = desk.messages(other)
    with pytest.raises(IntegrityError, match="reply_to_id"), desk.session() as session:
        session.add(
            service.TicketMessage(
                ticket_id=ticket.id, reply_to_id=first.id, author_type="tenant", author="staff", body="Hello."
            )
        )
        session.flush()
