"""Which template an order gets."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.deployments.rules import SOURCES, Candidate, State, Wish, choose


def candidate(number: int, **fields: object) -> Candidate:
    return Candidate(**{"id": UUID(int=number), "name": f"t{number}", "deployment_type": "local", **fields})  # type: ignore[arg-type]


EXPLICIT = candidate(1, name="explicit", deployment_type="docker")
STARTER = candidate(2, name="of starter", deployment_type="docker")
AWX_HERE = candidate(3, name="awx here", deployment_type="awx", region="eu")
AWX_ANYWHERE = candidate(4, name="awx anywhere", deployment_type="awx")
HERE = candidate(5, name="default of eu", deployment_type="docker", region="eu", is_default=True)
ANYWHERE = candidate(6, name="default", is_default=True)
ALL = [EXPLICIT, STARTER, AWX_HERE, AWX_ANYWHERE, HERE, ANYWHERE]
PACKAGES = {"starter": STARTER.id}


@pytest.mark.parametrize(
    ("wish", "rule", "template"),
    [
        (Wish(template_id=EXPLICIT.id, package_code="starter", region="eu", deployment_type="awx"), 1, EXPLICIT),
        (Wish(package_code="starter", region="eu", deployment_type="awx"), 2, STARTER),
        (Wish(package_code="unknown", region="eu", deployment_type="awx"), 3, AWX_HERE),
        (Wish(region="us", deployment_type="awx"), 3, AWX_ANYWHERE),
        (Wish(deployment_type="awx"), 3, AWX_ANYWHERE),
        (Wish(region="eu"), 4, HERE),
        (Wish(region="eu", deployment_type="kubernetes"), 4, HERE),
        (Wish(region="us"), 5, ANYWHERE),
        (Wish(), 5, ANYWHERE),
    ],
)
def test_the_first_rule_that_matches_decides(wish, rule, template):
    choice = choose(wish, ALL, PACKAGES)
    assert (choice.rule, choice.template_id) == (rule, template.id)


def test_an_explicit_template_that_is_not_active_ends_the_choice():
    choice = choose(Wish(template_id=EXPLICIT.id), [replace(EXPLICIT, is_active=False), ANYWHERE], {})
    assert choice.template_id is None
    assert "not active" in choice.tried[0]


def test_a_package_whose_template_is_not_active_falls_through():
    choice = choose(Wish(package_code="starter"), [replace(STARTER, is_active=False), ANYWHERE], PACKAGES)
    assert (choice.rule, choice.template_id) == (5, ANYWHERE.id)


def test_any_default_takes_one_of_another_region_only_for_want_of_a_better():
    assert choose(Wish(region="us"), [HERE], {}).template_id == HERE.id
    assert choose(Wish(region="us"), [HERE, ANYWHERE], {}).template_id == ANYWHERE.id


def test_without_any_the_sentence_names_every_rule():
    choice = choose(Wish(package_code="starter", region="eu", deployment_type="awx"), [], PACKAGES)
    assert len(choice.tried) == 5
    text = "; ".join(choice.tried)
    assert all(word in text for word in ("starter", "awx", "eu", "default"))


candidates = st.lists(
    st.builds(
        Candidate,
        id=st.uuids(),
        name=st.text(max_size=3),
        deployment_type=st.sampled_from(["local", "none"]),
        region=st.sampled_from([None, "eu", "us"]),
        is_default=st.booleans(),
        is_active=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda each: each.id,
)
wishes = st.builds(
    Wish,
    template_id=st.none() | st.uuids(),
    package_code=st.sampled_from([None, "starter"]),
    region=st.sampled_from([None, "eu", "us"]),
    deployment_type=st.sampled_from([None, "local", "none"]),
)


@given(wishes, candidates, st.randoms(use_true_random=False))
def test_the_choice_is_active_and_no_matter_of_order(wish, given_candidates, random):
    packages = {"starter": given_candidates[0].id} if given_candidates else {}
    choice = choose(wish, given_candidates, packages)
    shuffled = list(given_candidates)
    random.shuffle(shuffled)
    again = choose(wish, shuffled, packages)
    by_id = {each.id: each for each in given_candidates}
    assert choice.rule == again.rule
    if choice.template_id is None:
        assert choice.tried
    else:
        assert by_id[choice.template_id].is_active


def test_only_a_destroyed_instance_is_at_its_end():
    reachable = {target for target, sources in SOURCES.items() if State.DESTROYED in sources}
    assert reachable == set()
    assert SOURCES[State.DESTROYED] == {State.DESTROYING}
