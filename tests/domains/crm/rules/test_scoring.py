"""What a lead is worth."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.domains.crm.rules.leads import Source
from app.domains.crm.rules.scoring import MOST, score

POOR = {
    "phone": None,
    "address": {},
    "organization_slug": None,
    "source": "other",
    "email": "ada@gmail.com",
    "wanted_products": [{"product_code": "starter", "quantity": 1}],
}
RICH = {
    "phone": "+49301234567",
    "address": {"city": "Berlin"},
    "organization_slug": "engines",
    "source": "referral",
    "email": "ada@engines.example",
    "wanted_products": [{"product_code": f"p{number}", "quantity": 10} for number in range(3)],
}

FIELDS = st.fixed_dictionaries(
    {
        "phone": st.none() | st.just("+49301234567"),
        "address": st.just({}) | st.just({"city": "Berlin"}),
        "organization_slug": st.none() | st.just("engines"),
        "source": st.sampled_from([source.value for source in Source]),
        "email": st.sampled_from(["ada@gmail.com", "ada@engines.example", None]),
        "wanted_products": st.lists(
            st.fixed_dictionaries({"product_code": st.just("p"), "quantity": st.integers(1, 10**6)}), max_size=100
        ),
    }
)


def test_the_poorest_and_the_richest():
    assert score(POOR) == 8
    assert score(RICH) == MOST


@given(FIELDS)
def test_a_score_lies_between_nothing_and_all(fields):
    assert 0 <= score(fields) <= MOST


@given(FIELDS, st.sampled_from(["phone", "address", "organization_slug", "email"]))
def test_more_known_is_never_worth_less(fields, known):
    assert score(fields | {known: RICH[known]}) >= score(fields)


@given(FIELDS)
def test_more_wanted_is_never_worth_less(fields):
    more = [*fields["wanted_products"], {"product_code": "more"}]
    assert score(fields | {"wanted_products": more}) >= score(fields)
