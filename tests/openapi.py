"""The API's own description as it is committed: `python -m tests.openapi` writes it anew."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from app.core.settings import Settings
from app.factory import build_world, create_app

ROOT = Path(__file__).parent.parent
SNAPSHOT = ROOT / "docs" / "openapi.json"
NOWHERE = "postgresql://nobody:nothing@127.0.0.1:1/none"


def document() -> dict[str, Any]:
    """What /openapi.json answers; made without any server."""
    settings = Settings(
        environment="test", database_url=NOWHERE, system_database_url=NOWHERE, redis_url="redis://127.0.0.1:1/0"
    )
    with closing(build_world(settings)) as world:
        found: dict[str, Any] = create_app(settings, world).test_client().get("/openapi.json").get_json()
    found["info"]["version"] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return found


def operations(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation with its method and path (`GET /api/v1/orders`)."""
    for path, item in described["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", operation


def as_text(described: dict[str, Any]) -> str:
    """In the one form in which it is kept."""
    return json.dumps(described, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SNAPSHOT.write_text(as_text(document()), encoding="utf-8")
