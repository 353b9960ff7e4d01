"""Links by which quotes are answered."""

from __future__ import annotations

import pytest

from app.core.ids import new_id
from app.domains.crm.rules import links


def test_a_link_opens_its_quote_and_no_other_installation_s():
    owner_id, quote_id = new_id(), new_id()
    token = links.signed(owner_id=owner_id, quote_id=quote_id, secret_key="ours")
    assert links.read(token, secret_key="ours") == (owner_id, quote_id)
    assert links.read(token, secret_key="theirs") is None


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 500, "WyJhIiwiYiJd.x", "é"])
def test_what_was_not_signed_opens_nothing(token):
    assert links.read(token, secret_key="ours") is None


def test_a_changed_link_opens_nothing():
    token = links.signed(owner_id=new_id(), quote_id=new_id(), secret_key="ours")
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        changed = token[:place] + other + token[place + 1 :]
        # the last character of the signature has bits that say nothing
        assert links.read(changed, secret_key="ours") is None or place == len(token) - 1
