"""Whether the process lives (/healthz), and whether it can do its work (/readyz)."""

from __future__ import annotations

import logging
from functools import cache
from importlib.util import find_spec
from typing import Any

from alembic.script import ScriptDirectory
from flask import Blueprint, Flask, Response
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.core.world import World
from app.http.edge import edge
from app.http.routes import PUBLIC, Route, declare
from app.http.wire import dumps

log = logging.getLogger(__name__)

OK = "ok"


def register(app: Flask) -> None:
    """Serve both. They are outside OpenAPI and the rate limits: probes call them."""
    blueprint = Blueprint("health", __name__)
    for path, view in (("/healthz", _alive), ("/readyz", _ready)):
        declare(view, Route("GET", path, PUBLIC))
        blueprint.add_url_rule(path, view_func=view)
    app.register_blueprint(blueprint)


def checks(world: World) -> dict[str, str]:
    """Each thing that is needed, with `ok` or what is wrong with it."""
    found = {"database": OK, "migrations": OK, "redis": OK}
    try:
        with world.database.transaction(None) as session:
            present = set(session.execute(text("SELECT version_num FROM alembic_version")).scalars())
        found["migrations"] = _migrations(present)
    except SQLAlchemyError as error:
        log.warning("not ready: %s", type(error).__name__, exc_info=True)
        # a database that answers but has no such table is there, and not migrated
        undefined = getattr(getattr(error, "orig", None), "sqlstate", None) is not None
        found["database"] = OK if undefined else "unreachable"
        found["migrations"] = "run `turnup migrate`" if undefined else "unknown"
    try:
        world.redis.ping()
    except RedisError:
        found["redis"] = "unreachable"
    return found


def _migrations(present: set[str]) -> str:
    """A schema newer than this code is fine: migrations only expand while old processes run."""
    known, heads = _revisions()
    if present and (present == heads or not present <= known):
        return OK
    return "run `turnup migrate`"


@cache
def _revisions() -> tuple[frozenset[str], frozenset[str]]:
    """The revisions that this code knows, and the last of them."""
    spec = find_spec("migrations")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package migrations is not installed")
    scripts = ScriptDirectory(spec.submodule_search_locations[0])
    return frozenset(script.revision for script in scripts.walk_revisions()), frozenset(scripts.get_heads())


def _alive() -> Response:
    return Response(dumps({"status": OK}), content_type="application/json")


def _ready() -> Response:
    found: dict[str, Any] = checks(edge().world)
    ready = all(value == OK for value in found.values())
    document = {"status": OK if ready else "not ready", "checks": found}
    return Response(dumps(document), status=200 if ready else 503, content_type="application/json")
