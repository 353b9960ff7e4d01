"""Looking again until something is so, or until the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock that the waits of one call share."""

    moment: float

    @classmethod
    def within(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds until then, never below zero."""
        return max(0.0, self.moment - time.monotonic())


def until(look: Callable[[], T], *, within: float, every: float) -> T:
    """What `look` returns as soon as that is true, else what it returned last. Looks at least once; times in seconds."""
    again = Retrying(
        stop=stop_after_delay(within),
        wait=wait_fixed(every),
        retry=retry_if_result(lambda found: not found),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    return again(look)
