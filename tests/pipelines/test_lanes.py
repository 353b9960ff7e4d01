"""Fair lanes, by a clock that the test moves."""

from __future__ import annotations

from app.core.ids import new_id
from pipelines.lanes import FIRST, LAST, OWNERS_KEPT, SHARE, WINDOW_SECONDS, Lanes


def test_who_sent_more_than_its_share_goes_last_until_the_window_has_passed() -> None:
    now = [0.0]
    lanes, flooding, other = Lanes(lambda: now[0]), new_id(), new_id()
    assert lanes.lane(flooding, SHARE) == FIRST
    assert lanes.lane(flooding, 1) == LAST
    assert lanes.lane(other, 1) == FIRST
    now[0] += WINDOW_SECONDS + 1
    assert lanes.lane(flooding, 1) == FIRST


def test_owners_that_were_quiet_are_forgotten() -> None:
    now = [0.0]
    lanes = Lanes(lambda: now[0])
    for _ in range(OWNERS_KEPT):
        lanes.lane(new_id(), 1)
    now[0] += WINDOW_SECONDS + 1
    lanes.lane(new_id(), 1)
    assert len(lanes._sent) == len(lanes._counts) == 1
