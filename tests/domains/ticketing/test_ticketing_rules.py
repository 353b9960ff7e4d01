"""Who asks whom, how tickets go on, and what their clock counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.ids import new_id
from app.domains.ticketing.rules import contents
from app.domains.ticketing.rules.actors import SYSTEM, WAYS, Actor, Author, origin_of, writes_as
from app.domains.ticketing.rules.clock import SEEDED_TARGETS, Clock, Target, target_faults
from app.domains.ticketing.rules.kinds import Priority, TicketType, routed
from app.domains.ticketing.rules.new import Attachment, Installation, NewMessage
from app.domains.ticketing.rules.states import DONE, STANDING, Status, is_legal

STAFF = Author.of("staff@example.com", roles=("support",))
PARTNER = Author.of("partner@example.com", roles=("partner",))
PLATFORM = Author.of("platform@example.com", roles=("platform_admin", "support"))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TestActors:
    def test_six_ways_are_open_and_ten_are_not(self) -> None:
        open_ways = {(origin.value, target.value) for origin, target in product(Actor, Actor) if target in WAYS[origin]}
        assert open_ways == {
            ("customer", "tenant"),
            ("tenant", "partner"),
            ("tenant", "platform"),
            ("partner", "platform"),
            ("partner", "tenant"),
            ("platform", "partner"),
        }

    @pytest.mark.parametrize(
        ("author", "target", "origin"),
        [
            # staff write down what the customer says
            (STAFF, Actor.TENANT, Actor.CUSTOMER),
            (STAFF, Actor.PARTNER, Actor.TENANT),
            (STAFF, Actor.PLATFORM, Actor.TENANT),
            (STAFF, Actor.CUSTOMER, None),
            (SYSTEM, Actor.TENANT, Actor.CUSTOMER),
            (PARTNER, Actor.TENANT, Actor.PARTNER),
            (PARTNER, Actor.PLATFORM, Actor.PARTNER),
            (PARTNER, Actor.PARTNER, None),
            (PLATFORM, Actor.PARTNER, Actor.PLATFORM),
            (PLATFORM, Actor.PLATFORM, Actor.TENANT),
            (PLATFORM, Actor.TENANT, Actor.CUSTOMER),
            (PLATFORM, Actor.CUSTOMER, None),
        ],
    )
    def test_in_whose_name_somebody_asks(self, author: Author, target: Actor, origin: Actor | None) -> None:
        assert origin_of(author, target=target) == origin

    @pytest.mark.parametrize(
        ("author", "parties", "wanted", "writes"),
        [
            (STAFF, (Actor.TENANT, Actor.CUSTOMER), None, Actor.TENANT),
            (STAFF, (Actor.TENANT, Actor.CUSTOMER), Actor.CUSTOMER, Actor.CUSTOMER),
            (STAFF, (Actor.PLATFORM, Actor.TENANT), None, Actor.TENANT),
            (STAFF, (Actor.PLATFORM, Actor.TENANT), Actor.PLATFORM, None),
            (STAFF, (Actor.PLATFORM, Actor.PARTNER), None, None),
            (PLATFORM, (Actor.PLATFORM, Actor.TENANT), None, Actor.PLATFORM),
            (PARTNER, (Actor.TENANT, Actor.CUSTOMER), None, None),
            (PARTNER, (Actor.TENANT, Actor.PARTNER), None, Actor.PARTNER),
        ],
    )
    def test_for_which_party_somebody_writes(
        self, author: Author, parties: tuple[Actor, Actor], wanted: Actor | None, writes: Actor | None
    ) -> None:
        assert writes_as(author, parties=parties, wanted=wanted) == writes

    def test_somebody_with_other_roles_besides_is_no_mere_partner(self) -> None:
        assert Author.of("both@example.com", roles=("partner", "sales")).speaks_for == STAFF.speaks_for


def test_installations_are_field_operations_and_the_rest_goes_where_it_was_sent() -> None:
    assert routed("installation_request", assigned_team="onboarding_team") == "field_ops"
    assert routed("general_inquiry", assigned_team="onboarding_team") == "onboarding_team"
    assert routed(None, assigned_team=None) is None
    assert len(TicketType) == 12


class TestStates:
    def test_what_is_done_is_reopened_and_nothing_else(self) -> None:
        assert {after for after in Status if is_legal("closed", after)} == {Status.OPEN}
        assert {after for after in Status if is_legal("resolved", after)} == {Status.OPEN, Status.CLOSED}

    def test_what_is_not_done_goes_anywhere(self) -> None:
        for before in set(Status) - DONE:
            assert {after for after in Status if is_legal(before, after)} == set(Status) - {before}

    def test_the_clock_runs_while_somebody_is_to_work(self) -> None:
        assert set(Status) - STANDING == {Status.OPEN, Status.IN_PROGRESS}


class TestClock:
    @pytest.mark.parametrize(
        ("priority", "hours"),
        [(Priority.URGENT, (1, 4)), (Priority.HIGH, (4, 24)), (Priority.NORMAL, (8, 72)), (Priority.LOW, (24, 120))],
    )
    def test_what_an_owner_begins_with(self, priority: Priority, hours: tuple[int, int]) -> None:
        target = SEEDED_TARGETS[priority]
        assert (target.first_response_minutes / 60, target.resolution_minutes / 60) == hours

    def test_a_target_that_nobody_can_meet_is_refused(self) -> None:
        assert target_faults(Target(60, 240)) == []
        assert [fault.pointer for fault in target_faults(Target(0, 0))] == [
            "/first_response_minutes",
            "/resolution_minutes",
        ]
        assert [fault.pointer for fault in target_faults(Target(61, 60))] == ["/first_response_minutes"]

    def test_what_waits_is_due_later_and_has_taken_no_longer(self) -> None:
        clock = Clock.started(NOON, Target(60, 240))
        assert clock.due_at == NOON + timedelta(hours=4)
        waiting = clock.stopped(NOON + timedelta(hours=1))
        assert waiting.due_at == clock.due_at
        assert waiting.minutes(NOON + timedelta(days=9)) == 60
        again = waiting.running(NOON + timedelta(hours=11))
        assert again.due_at == NOON + timedelta(hours=14)
        assert again.minutes(NOON + timedelta(hours=12)) == 120
        assert again.against(Target(60, 60)).due_at == NOON + timedelta(hours=11)

    def test_stopping_twice_and_starting_twice_is_once(self) -> None:
        clock = Clock.started(NOON, Target(60, 240))
        assert clock.running(NOON + timedelta(hours=1)) == clock
        stopped = clock.stopped(NOON)
        assert stopped.stopped(NOON + timedelta(hours=1)) == stopped

    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**6)), max_size=20))
    def test_what_counts_and_what_does_not_make_up_the_time(self, acts: list[tuple[bool, int]]) -> None:
        target = Target(60, 240)
        clock, at, counted = Clock.started(NOON, target), NOON, 0
        for stops, seconds in acts:
            if clock.stopped_at is None:
                counted += seconds
            at += timedelta(seconds=seconds)
            clock = clock.stopped(at) if stops else clock.running(at)
        assert clock.minutes(at) == counted // 60
        assert clock.due_at == NOON + timedelta(minutes=240) + clock.paused == clock.against(target).due_at


class TestContents:
    @pytest.mark.parametrize(
        ("wrong", "pointer"),
        [
            ({"title": " "}, "/title"),
            ({"title": "two\nlines"}, "/title"),
            ({"title": "x" * 201}, "/title"),
            ({"description": "\n"}, "/description"),
            ({"description": "x" * 20_001}, "/description"),
            ({"priority": "highest"}, "/priority"),
            ({"ticket_type": "complaint"}, "/ticket_type"),
            ({"target_type": "nobody"}, "/target_type"),
            ({"assigned_team": ""}, "/assigned_team"),
            ({"service_address": ""}, "/service_address"),
            ({"affected_services": ["radius", ""]}, "/affected_services/1"),
            ({"device_serial_numbers": ["x"] * 101}, "/device_serial_numbers"),
        ],
    )
    def test_what_is_wrong_is_named(self, wrong: dict[str, object], pointer: str) -> None:
        assert [fault.pointer for fault in contents.faults(wrong)] == [pointer]

    def test_what_may_be_left_out_may_be_null(self) -> None:
        fields = {"ticket_type": None, "assigned_team": None, "service_address": None, "affected_services": []}
        assert contents.faults(fields) == []

    @pytest.mark.parametrize(
        ("attachment", "pointer"),
        [
            ({"name": ""}, "name"),
            ({"url": "file:///etc/passwd"}, "url"),
            ({"url": "https://"}, "url"),
            ({"url": "http://[::1"}, "url"),
            ({"url": f"https://example.com/{'x' * 2000}"}, "url"),
            ({"media_type": "a\nb"}, "media_type"),
            ({"size_bytes": -1}, "size_bytes"),
        ],
    )
    def test_an_attachment_lies_somewhere_on_the_web(self, attachment: dict[str, object], pointer: str) -> None:
        right = {"name": "photo.jpg", "url": "https://example.com/photo.jpg", "media_type": None, "size_bytes": None}
        message = NewMessage(body="Look.", attachments=[Attachment(**right), Attachment(**(right | attachment))])  # type: ignore[arg-type]
        assert [fault.pointer for fault in contents.message_faults(message)] == [f"/attachments/1/{pointer}"]

    def test_a_message_says_something_for_somebody(self) -> None:
        message = NewMessage(body="", author_type="nobody", attachments=[Attachment(name="a", url="http://a.b")] * 11)
        assert [fault.pointer for fault in contents.message_faults(message)] == [
            "/body",
            "/attachments",
            "/author_type",
        ]

    def test_an_installation_needs_an_address_and_a_device(self) -> None:
        bare = Installation(
            bandwidth_plan="", service_location="BER-1", config_template="home", subscription_id=new_id()
        )
        assert [fault.pointer for fault in contents.installation_faults(bare)] == [
            "/bandwidth_plan",
            "/installation_address",
            "/cpe_serial",
        ]

    def test_sentences_call_things_by_their_names(self) -> None:
        wrong = {"assigned_team": "", "affected_services": [""]}
        assert [fault.message for fault in contents.faults(wrong)] == [
            "The assigned team is one line of 1 to 63 characters.",
            "Each of the affected services is one line of 1 to 500 characters.",
        ]
