"""Sequences: what is refused, what is missing, what waits for what."""

from __future__ import annotations

from graphlib import TopologicalSorter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.activation.rules.sequence import awaited, entries, entry_of, faults, missing
from app.domains.activation.service.seeding import _SEQUENCE

KNOWN = {"a", "b", "c", "d", "x-y", "x_y"}
STANDARD = [
    {"service": service, "sequence": number, "depends_on": list(needs), "critical": critical}
    for number, (service, needs, critical) in enumerate(_SEQUENCE, start=1)
]


def entry(service, *needs, sequence=1, **more):
    return {"service": service, "sequence": sequence, "depends_on": list(needs), **more}


@pytest.mark.parametrize(
    ("document", "pointers"),
    [
        (None, ["/service_sequence"]),
        ([], ["/service_sequence"]),
        (["a"], ["/service_sequence/0"]),
        ([entry("unknown")], ["/service_sequence/0/service"]),
        ([{"sequence": 1, "depends_on": []}], ["/service_sequence/0/service"]),
        ([entry("a", sequence=0)], ["/service_sequence/0/sequence"]),
        ([entry("a", sequence=True)], ["/service_sequence/0/sequence"]),
        ([entry("a"), entry("a")], ["/service_sequence/1/service"]),
        ([entry("x-y"), entry("x_y")], ["/service_sequence/1/service"]),
        ([entry("a", "b")], ["/service_sequence/0/depends_on/0"]),
        ([entry("a", "a")], ["/service_sequence/0/depends_on/0"]),
        ([entry("a", "b"), entry("b", "a")], ["/service_sequence/0/depends_on/0"]),
        ([entry("a", critical="yes")], ["/service_sequence/0/critical"]),
        ([entry("a", max_retries=-1)], ["/service_sequence/0/max_retries"]),
        ([entry("a", timeout_seconds=0)], ["/service_sequence/0/timeout_seconds"]),
        ([entry("a", retries=3)], ["/service_sequence/0/retries"]),
        ([{"service": "a", "sequence": 1, "depends_on": "b"}], ["/service_sequence/0/depends_on"]),
        (
            [entry("unknown", sequence=0), entry("a", critical=1)],
            ["/service_sequence/0/service", "/service_sequence/0/sequence", "/service_sequence/1/critical"],
        ),
    ],
)
def test_every_fault_is_named_by_its_place(document, pointers):
    found = [fault.pointer for fault in faults(document, KNOWN)]
    if len(pointers) == 1 and pointers[0].endswith("depends_on/0"):
        assert len(found) == 1
        assert found[0].endswith("depends_on/0")
    else:
        assert found == pointers


def test_the_seeded_sequence_has_no_fault():
    assert faults(STANDARD, {each["service"] for each in STANDARD}) == []


def test_a_dependency_that_was_not_ordered_is_said_in_words():
    assert missing(entries(STANDARD), {"radius-aaa"}) == [
        "radius-aaa needs subscriber-provisioning, which is not in the order"
    ]
    assert missing(entries(STANDARD), {"subscriber-provisioning", "radius-aaa"}) == []
    assert missing(entries(STANDARD), set()) == []


def test_an_optional_one_may_be_missing_and_what_it_waits_for_is_still_awaited():
    sequence = entries([entry("a"), entry("b", "a", optional=True), entry("c", "b")])
    assert missing(sequence, {"a", "c"}) == []
    assert awaited(sequence, "c", {"a", "c"}) == ("a",)
    assert awaited(sequence, "c", {"a", "b", "c"}) == ("b",)


def test_a_service_that_no_sequence_names_waits_for_nobody():
    assert awaited(entries([entry("a")]), "z", {"a", "z"}) == ()
    unlisted = entry_of(entries([entry("a", sequence=7)]), "z")
    assert (unlisted.sequence, unlisted.critical, unlisted.max_retries) == (8, True, 3)


@given(st.data())
def test_the_steps_of_any_part_of_a_sequence_keep_its_order_and_have_no_cycle(data):
    codes = [f"s{number}" for number in range(data.draw(st.integers(1, 8)))]
    document = [
        entry(code, *data.draw(st.lists(st.sampled_from(codes[:place]), unique=True) if place else st.just([])))
        for place, code in enumerate(codes)
    ]
    assert faults(document, set(codes)) == []
    ordered = set(data.draw(st.lists(st.sampled_from(codes), min_size=1)))
    sequence = entries(document)
    graph = {code: awaited(sequence, code, ordered) for code in ordered}
    assert set(TopologicalSorter(graph).static_order()) == ordered
    reachable: dict[str, set[str]] = {}
    for code in codes:
        needs = next(each["depends_on"] for each in document if each["service"] == code)
        reachable[code] = set(needs).union(*(reachable[need] for need in needs)) if needs else set()
    after: dict[str, set[str]] = {}
    for code in (each for each in codes if each in ordered):
        after[code] = set(graph[code]).union(*(after[need] for need in graph[code]))
        assert after[code] == reachable[code] & ordered
