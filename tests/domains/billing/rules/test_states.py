"""States of subscriptions, invoices, payments and payables: which transitions there are, and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from app.domains.billing.rules import invoice_states, payable_states, payment_states, subscription_states

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def steps(table):
    """A state and those that can come of it, as they are spoken."""
    return {(before, after) for line in table for before, afters in [line.split(" -> ")] for after in afters.split()}


SUBSCRIPTIONS = steps(
    [
        "pending -> trialing active cancelled",
        "trialing -> active past_due expiring suspended expired cancelled",
        "active -> past_due expiring suspended expired cancelled",
        "past_due -> active expiring suspended expired cancelled",
        "expiring -> active past_due suspended expired cancelled",
        "suspended -> active expired cancelled",
    ]
)
INVOICES = steps(
    [
        "draft -> open",
        "open -> paid void uncollectible",
        "paid -> open",
        "uncollectible -> paid void",
    ]
)
PAYMENTS = steps(
    [
        "pending -> succeeded failed cancelled",
        "succeeded -> partially_refunded refunded",
        "partially_refunded -> partially_refunded refunded succeeded",
        "refunded -> succeeded partially_refunded",
    ]
)
PAYABLES = steps(
    [
        "open -> paid dunning withdrawn",
        "paid -> open",
        "dunning -> open paid given_up withdrawn",
        "given_up -> paid withdrawn",
        "withdrawn -> open",
    ]
)
TABLES = [
    (subscription_states, SUBSCRIPTIONS),
    (invoice_states, INVOICES),
    (payment_states, PAYMENTS),
    (payable_states, PAYABLES),
]


@pytest.mark.parametrize(("states", "table"), TABLES)
def test_these_transitions_and_no_others(states, table):
    every = [(before, after) for before in states.Status for after in states.Status]
    assert {(before.value, after.value) for before, after in every if states.is_legal(before, after)} == table


@pytest.mark.parametrize(("states", "table"), TABLES)
def test_every_state_can_be_reached_from_the_first(states, table):
    reached = {next(iter(states.Status)).value}
    while found := {after for before, after in table if before in reached} - reached:
        reached |= found
    assert reached == {status.value for status in states.Status}


def test_what_has_ended_stays_ended():
    assert {before for before, _ in SUBSCRIPTIONS}.isdisjoint(subscription_states.ENDED)
    assert subscription_states.IN_SERVICE.isdisjoint(subscription_states.ENDED)


@pytest.mark.parametrize(
    "life",
    [
        "pending active past_due suspended active expiring expired",
        "pending trialing active expiring active cancelled",
        "pending trialing past_due active",
        "pending active suspended cancelled",  # an activation undone, then the subscription
    ],
)
def test_lives_of_subscriptions(life):
    states = [subscription_states.Status(word) for word in life.split()]
    assert all(subscription_states.is_legal(before, after) for before, after in pairwise(states))


@pytest.mark.parametrize(
    ("status", "late", "expected"),
    [
        ("open", timedelta(seconds=1), True),
        ("open", timedelta(0), False),
        ("open", -timedelta(days=1), False),
        ("paid", timedelta(days=9), False),
        ("draft", timedelta(days=9), False),
        ("void", timedelta(days=9), False),
        ("uncollectible", timedelta(days=9), False),
    ],
)
def test_only_an_open_invoice_is_overdue(status, late, expected):
    found = invoice_states.is_overdue(invoice_states.Status(status), due_at=NOW - late, now=NOW)
    assert found is expected
