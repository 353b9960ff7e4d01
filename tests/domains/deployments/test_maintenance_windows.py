"""When a week's windows are open, and when the next one opens."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.deployments.rules import WEEKDAYS, Window, applicable, is_open, next_moment, zone_named
from app.domains.deployments.rules.windows import midnight, moment_on

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)


def window(*weekdays: str, starts_at: str = "02:00", minutes: int = 120, zone: ZoneInfo = BERLIN, **more) -> Window:
    return Window(
        weekdays=frozenset(weekdays),
        starts_at=time.fromisoformat(starts_at),
        duration=timedelta(minutes=minutes),
        zone=zone,
        **more,
    )


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "so"),
    [
        ("2026-03-02 00:59", False),
        ("2026-03-02 01:00", True),
        ("2026-03-02 02:59", True),
        ("2026-03-02 03:00", False),
        ("2026-03-03 01:30", False),
        ("2026-03-09 01:30", True),
        # in summer the same local hour is another
        ("2026-07-06 00:30", True),
        ("2026-07-06 02:30", False),
    ],
)
def test_a_window_is_open_from_its_local_hour_for_its_minutes(at, so):
    assert is_open([window("mon")], moment(at)) is so


def test_a_window_goes_on_over_midnight_and_the_end_of_the_week():
    night = window("sun", starts_at="23:00", minutes=180)
    assert is_open([night], moment("2026-03-01 22:30"))
    assert is_open([night], moment("2026-03-02 00:59"))
    assert not is_open([night], moment("2026-03-02 01:00"))


def test_a_week_long_window_is_always_open():
    always = [window("wed", minutes=7 * 24 * 60)]
    assert all(is_open(always, moment("2026-03-02 00:00") + timedelta(hours=each)) for each in range(400))


def test_it_lasts_its_real_minutes_however_the_clocks_change():
    # at 02:00 on 29 March it is 03:00, at 03:00 on 25 October it is 02:00
    for day in ("2026-03-29", "2026-10-25"):
        short = window("sun", starts_at="01:30", minutes=120)
        opens = next_moment([short], midnight(date.fromisoformat(day), BERLIN))
        assert opens.astimezone(BERLIN).time() == time(1, 30)
        assert is_open([short], opens + timedelta(minutes=119))
        assert not is_open([short], opens + timedelta(minutes=120))


def test_an_hour_that_the_clocks_skip_is_an_hour_later():
    assert next_moment([window("sun", starts_at="02:30")], moment("2026-03-28 12:00")) == moment("2026-03-29 01:30")


def test_without_windows_every_moment_will_do():
    now = moment("2026-03-02 12:34")
    assert is_open([], now)
    assert next_moment([], now) == now


def test_a_region_with_windows_of_its_own_keeps_to_them():
    everywhere, north = window("mon"), window("tue", region="north")
    assert applicable([everywhere, north], region="north") == [north]
    assert applicable([everywhere, north], region="south") == [everywhere]
    assert applicable([everywhere, north], region=None) == [everywhere]
    assert applicable([north], region="south") == []


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham")
windows = st.lists(
    st.builds(
        Window,
        weekdays=st.frozensets(st.sampled_from(WEEKDAYS), min_size=1),
        starts_at=st.times().map(lambda each: each.replace(second=0, microsecond=0)),
        duration=st.integers(15, 7 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)),
        zone=st.sampled_from(ZONES).map(ZoneInfo),
    ),
    min_size=1,
    max_size=3,
)
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda each: each.replace(second=0, microsecond=0)
)


@given(windows, moments, st.floats(0, 1))
def test_the_next_moment_is_the_first_that_is_open(kept, now, share):
    found = next_moment(kept, now)
    assert is_open(kept, found)
    assert now <= found <= now + timedelta(days=8)
    if found > now:
        between = now + share * (found - MINUTE - now)
        assert not is_open(kept, between)


@given(windows, moments, st.dates(date(2025, 1, 1), date(2027, 1, 1)))
def test_a_moment_on_a_day_is_on_that_day_and_open(kept, now, day):
    found = moment_on(kept, day, after=now, zone=BERLIN)
    if found is not None:
        assert found >= now
        assert is_open(kept, found)
        assert day in {found.astimezone(each.zone).date() for each in kept}


@given(moments, st.dates(date(2025, 1, 1), date(2027, 1, 1)))
def test_without_windows_a_day_begins_at_midnight(now, day):
    found = moment_on([], day, after=now, zone=BERLIN)
    begins, ends = midnight(day, BERLIN), midnight(day + timedelta(days=1), BERLIN)
    assert found == (None if now >= ends else max(now, begins))


def test_time_zones_are_known_by_name():
    assert zone_named("Europe/Berlin") == BERLIN
    for name in ("Mars/Base", "", "../etc/passwd", "Europe", "/etc/localtime"):
        with pytest.raises(ValueError, match="no time zone"):
            zone_named(name)
