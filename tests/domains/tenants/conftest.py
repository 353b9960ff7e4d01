"""Makers of tenants and accounts, bound to the world under test."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest

from app.core.world import World
from tests.domains.tenants.accounts import Account, make_account, make_tenant


@pytest.fixture
def new_tenant(world: World) -> Callable[[], UUID]:
    """Make a tenant of the operator's; returns its id."""
    return partial(make_tenant, world)


@pytest.fixture
def new_account(world: World) -> Callable[..., Account]:
    """Make a user with these roles."""
    return partial(make_account, world)
