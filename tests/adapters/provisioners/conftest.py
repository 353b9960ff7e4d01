"""A place to deploy to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.core.ids import new_id
from app.core.settings import Settings
from tests.places import Place, place


@pytest.fixture(scope="package")
def there(bare_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Endpoints and provisioners of this test process."""
    with place(bare_settings, tmp_path_factory.mktemp("place")) as found:
        yield found


@pytest.fixture
def slug() -> str:
    """A slug that no other test uses."""
    return f"t{new_id().hex[-12:]}"
