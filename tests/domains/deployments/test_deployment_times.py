"""What somebody asked for, and when the deployment begins."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domains.deployments.rules import NoTime, Window, is_meant, planned, read_time

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)
"""A Wednesday."""
NIGHTS = [
    Window(weekdays=frozenset({"tue", "thu"}), starts_at=time(23, 0), duration=timedelta(hours=3), zone=ZoneInfo("UTC"))
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("2026-03-14", date(2026, 3, 14)),
        (" 2026-03-14 ", date(2026, 3, 14)),
        ("2026-03-14T09:30:00Z", at("2026-03-14 09:30")),
        ("2026-03-14T09:30:00+01:00", at("2026-03-14 08:30")),
        ("2026-03-14T09:30:00", at("2026-03-14 08:30")),
        ("2026-07-14 09:30", at("2026-07-14 07:30")),
        ("20260314T0930Z", at("2026-03-14 09:30")),
    ],
)
def test_a_date_is_a_day_and_a_timestamp_a_moment(said, read):
    assert read_time(said, zone=BERLIN) == read


@pytest.mark.parametrize("said", ["", "tomorrow", "2026-02-30", "2026-03-14T25:00", "0001-01-01T00:00:00+14:00", "9"])
def test_anything_else_is_refused_in_words(said):
    with pytest.raises(NoTime, match="neither a day"):
        read_time(said, zone=BERLIN)


@pytest.mark.parametrize(
    ("wanted", "windows", "begins"),
    [
        # without windows: at once, on its day from midnight, at its time
        (None, [], "2026-03-04 12:01"),
        (date(2026, 3, 5), [], "2026-03-04 23:00"),
        (date(2026, 3, 4), [], "2026-03-04 12:01"),
        (at("2026-03-04 12:00:31"), [], "2026-03-04 12:00:31"),
        # with them: when the next one opens, when one is open on that day, at a time in one
        (None, NIGHTS, "2026-03-05 23:00"),
        (date(2026, 3, 5), NIGHTS, "2026-03-05 23:00"),
        (date(2026, 3, 6), NIGHTS, "2026-03-06 00:00"),
        (date(2026, 3, 10), NIGHTS, "2026-03-10 23:00"),
        (at("2026-03-06 01:59"), NIGHTS, "2026-03-06 01:59"),
    ],
)
def test_when_it_begins(wanted, windows, begins):
    assert planned(wanted, windows, now=NOW, zone=BERLIN) == at(begins)


def test_in_an_open_window_it_begins_at_once():
    inside = at("2026-03-05 23:10:05")
    assert planned(None, NIGHTS, now=inside, zone=BERLIN) == at("2026-03-05 23:11")
    last = at("2026-03-06 01:59:59")
    assert planned(None, NIGHTS, now=last, zone=BERLIN) == at("2026-03-10 23:00")


@pytest.mark.parametrize(
    ("wanted", "windows", "why"),
    [
        (at("2026-03-04 12:00:30"), [], "not in the future"),
        (at("2026-03-04 11:59"), [], "not in the future"),
        (at("0001-01-01 00:00"), [], "not in the future"),
        (date(1999, 12, 31), NIGHTS, "not in the future"),
        (date(2026, 3, 3), [], "the next time is 2026-03-04T12:01Z"),
        (at("2206-03-04 12:00"), [], "too far ahead"),
        (date(9999, 12, 31), NIGHTS, "too far ahead"),
        (at("2026-03-05 22:59"), NIGHTS, "no maintenance window. The next one opens at 2026-03-05T23:00Z"),
        (at("2026-03-06 02:00"), NIGHTS, "The next one opens at 2026-03-10T23:00Z"),
        (date(2026, 3, 7), NIGHTS, "the next time is 2026-03-10T23:00Z"),
        (date(2026, 3, 4), NIGHTS, "the next time is 2026-03-05T23:00Z"),
    ],
)
def test_when_nothing_can_begin_it_is_said_when_something_can(wanted, windows, why):
    with pytest.raises(NoTime, match=why):
        planned(wanted, windows, now=NOW, zone=BERLIN)


def test_what_was_meant_is_found_again():
    moment = at("2026-03-05 23:00")
    assert is_meant(None, moment, zone=BERLIN)
    assert is_meant(moment, moment, zone=BERLIN)
    assert is_meant(date(2026, 3, 6), moment, zone=BERLIN)
    assert not is_meant(date(2026, 3, 5), moment, zone=BERLIN)
    assert not is_meant(at("2026-03-05 23:01"), moment, zone=BERLIN)
