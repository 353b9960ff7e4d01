"""The wordings that come with the product: what each needs, and what may be left out."""

from __future__ import annotations

import pytest

from app.domains.communications.errors import TemplateFault
from app.domains.communications.rules.wordings import SMS, Wording, render, variables_of, wording_faults
from app.domains.communications.service.wordings import shipped

NEEDED = {
    ("mail", "customer_welcome"): {"customer_name", "activation_url"},
    ("mail", "order_confirmation"): {"order_number", "customer_name", "total_amount"},
    ("mail", "order_failed"): {"order_number", "customer_name", "reason"},
    ("mail", "order_cancelled"): {"order_number", "customer_name"},
    ("mail", "quote_offer"): {
        "customer_name",
        "quote_number",
        "total_amount",
        "currency",
        "valid_until",
        "accept_url",
    },
    ("mail", "onboarding_complete"): {"ticket_number", "support_url"},
    ("mail", "partner_customer_provisioned"): {"customer_name"},
    ("mail", "subscription_renewal"): {"quote_number", "total_amount", "currency", "valid_until"},
    ("mail", "renewal_confirmation"): {"current_period_end"},
    ("mail", "subscription_expired"): {"current_period_end"},
    ("mail", "service_activated"): {"secret_url"},
    ("mail", "payment_failed"): {"total_amount", "currency", "reason"},
    ("mail", "secret_link"): {"secret_url"},
    ("sms", "service_activated"): set(),
    ("sms", "payment_failed"): {"total_amount", "currency", "reason"},
}
EACH = pytest.mark.parametrize("wording", shipped().values(), ids=lambda each: f"{each.channel}-{each.name}")


def test_each_is_there_and_says_what_it_needs() -> None:
    assert {key: set(variables_of(each)) - set(each.optional) for key, each in shipped().items()} == NEEDED


@EACH
def test_each_is_filled_in_with_all_and_with_no_more_than_it_needs(wording: Wording) -> None:
    assert wording_faults(wording) == []
    whole = render(wording, {name: f"<{name}>" for name in variables_of(wording)})
    bare = render(wording, {name: f"<{name}>" for name in NEEDED[wording.channel, wording.name]})
    for name in variables_of(wording):
        assert f"<{name}>" in whole.subject + whole.text
        assert wording.channel == SMS or f"&lt;{name}&gt;" in whole.html or f"<{name}>" in whole.subject
    assert "None" not in whole.text + bare.subject + bare.text + bare.html
    assert "<<" not in bare.text


@EACH
def test_each_names_what_it_lacks(wording: Wording) -> None:
    needed = NEEDED[wording.channel, wording.name]
    for missing in needed:
        with pytest.raises(TemplateFault, match=missing):
            render(wording, dict.fromkeys(needed - {missing}, "x"))


def test_the_welcome_of_an_order_names_it() -> None:
    known = {"customer_name": "Ann", "activation_url": "http://x", "company_name": "Acme", "order_number": "ORD-1"}
    rendered = render(shipped()["mail", "customer_welcome"], known)
    assert rendered.subject == "Welcome, Acme: your services are ready"
    assert "your order ORD-1 is complete and your services are ready." in rendered.text


def test_the_welcome_of_somebody_without_order_or_company() -> None:
    rendered = render(
        shipped()["mail", "customer_welcome"],
        {"customer_name": "Ann", "activation_url": "http://x", "company_name": None},
    )
    assert rendered.subject == "Welcome: your services are ready"
    assert "Hello Ann,\n\nyour services are ready." in rendered.text


def test_a_text_message_is_not_longer_than_gateways_take() -> None:
    wording = Wording(name="long", subject="", text="{{ words }}", html="", channel=SMS)
    assert len(render(wording, {"words": "x" * 1530}).text) == 1530
    for words in ("x" * 1531, ""):
        with pytest.raises(TemplateFault, match=str(len(words))):
            render(wording, {"words": words})


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-12-31T23:00:00+00:00", "2026-12-31"),
        ("2026-12-31", "2026-12-31"),
        ("31 December 2026", "31 December 2026"),
        ("soon", "soon"),
    ],
)
def test_a_moment_is_told_by_its_day_and_what_is_none_as_it_stands(moment: str, shown: str) -> None:
    wording = Wording(name="x", subject="x", text="until {{ end | day }}.", html="<p>{{ end | day }}</p>")
    rendered = render(wording, {"end": moment})
    assert (rendered.text, rendered.html) == (f"until {shown}.", f"<p>{shown}</p>")
