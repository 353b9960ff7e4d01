"""Which gateways there are, and which one is meant when none is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.adapters.payments.errors import PaymentRefused
from app.adapters.payments.port import Gateways
from app.adapters.payments.registry import configured
from app.adapters.payments.sandbox import Sandbox
from app.core.settings import ConfigurationError, Settings


def test_the_sandbox_is_the_default_and_stripe_needs_its_key(own_settings: Settings) -> None:
    gateways = configured(own_settings)
    assert gateways.names() == {"sandbox", "bank_transfer"}
    assert gateways.default().name == "sandbox"
    assert gateways.get("bank_transfer").name == "bank_transfer"
    both = configured(replace(own_settings, stripe_secret_key="sk_test_1", payment_gateway="stripe"))
    assert both.default().name == "stripe"


def test_a_default_that_is_not_configured_stops_the_start(own_settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="PAYMENT_GATEWAY is stripe, which is not configured"):
        configured(replace(own_settings, payment_gateway="stripe"))


def test_a_gateway_that_is_not_configured_is_refused(own_settings: Settings) -> None:
    with pytest.raises(PaymentRefused, match="No payment gateway paypal"):
        configured(own_settings).get("paypal")


def test_a_gateway_is_wired_once(own_settings: Settings) -> None:
    gateways = Gateways("sandbox")
    gateways.add(Sandbox(own_settings))
    with pytest.raises(ValueError, match="wired twice"):
        gateways.add(Sandbox(own_settings))


def test_others_join_by_an_entry_point(own_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an installed distribution would."""
    (tmp_path / "coins.py").write_text("class Coins:\n    name = 'coins'\n    def __init__(self, settings): pass\n")
    metadata = tmp_path / "coins-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: coins\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[turnup.payment_gateways]\ncoins = coins:Coins\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert configured(replace(own_settings, payment_gateway="coins")).default().name == "coins"


def test_in_production_somebody_has_to_say_how_payments_are_taken(own_settings: Settings) -> None:
    production = replace(own_settings, environment="production")
    assert any("PAYMENT_GATEWAY must be set in production" in fault for fault in production.faults())
    with pytest.raises(ConfigurationError, match="PAYMENT_GATEWAY is not set"):
        configured(production)


def test_in_production_the_sandbox_is_there_only_where_it_is_asked_for(own_settings: Settings) -> None:
    production = replace(own_settings, environment="production", payment_gateway="bank_transfer")
    assert configured(production).names() == {"bank_transfer"}
    assert configured(replace(production, payment_gateway="sandbox")).default().name == "sandbox"
