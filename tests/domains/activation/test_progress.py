"""How far activations have come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.activation.rules.progress import FINISHED, Status, measure


@pytest.mark.parametrize(
    ("statuses", "overall", "percent"),
    [
        ([], "pending", 0),
        (["pending", "pending"], "pending", 0),
        (["in_progress", "pending"], "in_progress", 0),
        (["completed", "pending"], "in_progress", 50),
        (["failed", "in_progress", "completed"], "in_progress", 66),
        (["completed", "completed"], "completed", 100),
        (["completed", "skipped"], "completed", 100),
        (["completed", "failed"], "partial", 100),
        (["failed", "skipped"], "failed", 100),
        (["rolled_back", "failed"], "failed", 100),
    ],
)
def test_one_word_and_a_percentage(statuses, overall, percent):
    progress = measure(statuses)
    assert (progress.overall_status, progress.progress_percent) == (overall, percent)


@given(st.lists(st.sampled_from(Status), max_size=12))
def test_the_counts_add_up(statuses):
    progress = measure(statuses)
    counted = progress.completed + progress.failed + progress.in_progress + progress.pending
    assert progress.total_services == counted + statuses.count(Status.SKIPPED) == len(statuses)
    assert (progress.progress_percent == 100) == (bool(statuses) and FINISHED.issuperset(statuses))
