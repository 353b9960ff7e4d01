"""The sandbox: Stripe's test cards, and books that all processes share."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from app.adapters.payments.declines import is_hard
from app.adapters.payments.errors import GatewayUnavailable, PaymentDeclined
from app.core.settings import Settings
from tests.adapters.payments.benches import SandboxBench, charge
from tests.servers import ROOT

CHARGES = """
import json, sys
from decimal import Decimal
from app.adapters.payments.port import Charge
from app.adapters.payments.sandbox import Sandbox
from app.core.settings import Settings
sandbox = Sandbox(Settings.from_environment())
for number in range(20):
    payment = sandbox.charge(
        Charge(amount=Decimal(1), currency="EUR", idempotency_key=f"k{number}", payment_method="pm_card_visa")
    )
    print(json.dumps([number, payment.reference]))
"""


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("4000 0000 0000 0002", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("4000000000009979", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
        ("4242424242424241", "incorrect_number", None),
    ],
)
def test_test_cards_do_what_stripe_documents(
    sandbox: SandboxBench, method: str, code: str, decline_code: str | None
) -> None:
    with pytest.raises(PaymentDeclined) as declined:
        sandbox.gateway.charge(charge(payment_method=method))
    assert (declined.value.code, declined.value.decline_code) == (code, decline_code)


@pytest.mark.parametrize("method", ["4242 4242 4242 4242", "pm_card_mastercard", "378282246310005"])
def test_good_cards_are_good(sandbox: SandboxBench, method: str) -> None:
    assert sandbox.gateway.charge(charge(payment_method=method)).status == "succeeded"


def test_hard_and_soft() -> None:
    assert all(is_hard(code, None) for code in ("expired_card", "incorrect_number", "authentication_required"))
    assert all(
        is_hard("card_declined", code) for code in ("lost_card", "stolen_card", "pickup_card", "do_not_try_again")
    )
    soft = (
        "insufficient_funds",
        "processing_error",
        "try_again_later",
        "do_not_honor",
        "generic_decline",
        "unheard_of",
    )
    assert not any(is_hard("card_declined", code) for code in soft)


def test_the_customer_authenticates_a_payment_once(sandbox: SandboxBench) -> None:
    waiting = sandbox.gateway.charge(charge(payment_method="pm_card_authenticationRequired"))
    paid = sandbox.gateway.authenticate(waiting.reference)
    assert (paid.status, sandbox.gateway.authenticate(waiting.reference)) == ("succeeded", paid)


def test_it_can_be_unavailable(sandbox: SandboxBench) -> None:
    asked = charge(payment_method="pm_sandbox_unavailable")
    with pytest.raises(GatewayUnavailable):
        sandbox.gateway.charge(asked)
    assert sandbox.gateway.find(asked.idempotency_key) is None


def test_processes_share_the_books(own_settings: Settings) -> None:
    """Four at once on the same twenty keys: each key is one payment for all of them."""
    environment = {**own_settings.environment_variables(), "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen([sys.executable, "-c", CHARGES], env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(4)
    ]
    told = [process.communicate(timeout=60)[0].splitlines() for process in processes]
    assert all(process.returncode == 0 for process in processes)
    assert told[0] == told[1] == told[2] == told[3]
    assert len({reference for _, reference in map(json.loads, told[0])}) == 20


def test_neither_card_numbers_nor_descriptions_are_kept(sandbox: SandboxBench, own_settings: Settings) -> None:
    sandbox.gateway.charge(charge(payment_method="4242424242424242"))
    kept = (own_settings.var_dir / "payments" / "sandbox.sqlite3").read_bytes()
    assert b"4242424242" not in kept
    assert b"Fibre" not in kept
