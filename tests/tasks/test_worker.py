"""What a worker refuses to start with."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from app.core.settings import Settings
from tests.servers import PATH, ROOT


@pytest.fixture
def production(settings: Settings) -> Settings:
    key = Fernet.generate_key().decode()
    return replace(
        settings, environment="production", sealing_keys=(key,), test_clock=False, payment_gateway="bank_transfer"
    )


def started(settings: Settings) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import tasks.worker"],
        env={**os.environ, **settings.environment_variables(), "PYTHONPATH": PATH},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_in_production_a_worker_refuses_a_role_that_sees_every_tenants_rows(production: Settings) -> None:
    refused = started(replace(production, database_url=production.migration_database_url))
    assert refused.returncode != 0
    assert "DATABASE_URL" in refused.stderr.splitlines()[-1]
    assert started(production).returncode == 0


def test_in_production_a_default_secret_is_refused(production: Settings) -> None:
    refused = started(replace(production, secret_key=""))
    assert refused.returncode != 0
    assert "TURNUP_SECRET_KEY must be set" in refused.stderr.splitlines()[-1]
