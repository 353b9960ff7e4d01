"""Every implementation of the port on its bench."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.settings import Settings
from tests.adapters.payments.benches import BankTransferBench, Bench, SandboxBench, StripeBench
from tests.adapters.payments.stripe_server import StripeServer, stripe_server


@pytest.fixture
def own_settings(tmp_path: Path) -> Settings:
    """Settings with a folder of the test's own."""
    return replace(Settings(), var_dir=tmp_path)


@pytest.fixture
def server() -> Iterator[StripeServer]:
    """An account at Stripe with nothing in it."""
    with stripe_server() as server:
        yield server


@pytest.fixture
def stripe(server: StripeServer) -> StripeBench:
    return StripeBench(server)


@pytest.fixture
def sandbox(own_settings: Settings) -> SandboxBench:
    return SandboxBench(own_settings)


@pytest.fixture
def bank_transfer(own_settings: Settings) -> BankTransferBench:
    return BankTransferBench(own_settings)


@pytest.fixture(params=["sandbox", "stripe", "bank_transfer"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Each implementation in turn."""
    found: Bench = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["sandbox", "stripe"])
def card_bench(request: pytest.FixtureRequest) -> Bench:
    """Each implementation that takes cards; nobody declines a bank transfer."""
    found: Bench = request.getfixturevalue(request.param)
    return found
