"""The edge put onto a Flask application, and rooms' blueprints onto the edge."""

from __future__ import annotations

from collections.abc import Iterable

from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from flask_smorest import Api, Blueprint
from werkzeug.middleware.proxy_fix import ProxyFix

from app.core.world import World
from app.http import docs, health, problems, security
from app.http.edge import EXTENSION, Edge
from app.http.openapi import BEARER, DESCRIPTION, SchemaNames
from app.http.problems import MEDIA_TYPE, ProblemDocument
from app.http.reading import MAX_BODY_BYTES

PREFIX = "/api/v1"
# what people have in their scripts answers without the prefix as well
SHORT_PATHS = ("/workflows", "/auth/login")


class _Api(Api):  # type: ignore[misc]
    """flask-smorest without its own error documents: problems.py tells every error."""

    def _register_error_handlers(self) -> None:
        pass

    def _register_responses(self) -> None:
        content = {MEDIA_TYPE: {"schema": ProblemDocument}}
        self.spec.components.response("DEFAULT_ERROR", {"description": "Any other error", "content": content})


def install(app: Flask, world: World, *, version: str) -> Api:
    """Make the application answer as the edge does; rooms are mounted on what is returned."""
    app.extensions[EXTENSION] = Edge.of(world)
    app.config |= {
        "API_TITLE": "Turnup",
        "API_VERSION": version,
        "OPENAPI_VERSION": "3.1.0",
        # one byte more than is taken: a body that came in chunks is cut off there, and known by it
        "MAX_CONTENT_LENGTH": MAX_BODY_BYTES + 1,
    }
    if proxies := world.settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies, x_prefix=0
        )
    plugin = MarshmallowPlugin(schema_name_resolver=SchemaNames())  # type: ignore[arg-type]  # None is "no name"
    api = _Api(app, spec_kwargs={"info": {"description": DESCRIPTION}, "marshmallow_plugin": plugin})
    api.spec.components.security_scheme(BEARER, {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    problems.register(app)
    security.register(app)
    health.register(app)
    docs.register(app, api)
    return api


def mount(app: Flask, api: Api, blueprints: Iterable[Blueprint]) -> None:
    """Mount blueprints: under /api/v1 unless they name a prefix of their own, and by their short paths where they have one."""
    for blueprint in blueprints:
        api.register_blueprint(blueprint, url_prefix=blueprint.url_prefix or PREFIX)
    for rule in list(app.url_map.iter_rules()):
        short = rule.rule.removeprefix(PREFIX)
        if short != rule.rule and any(short == path or short.startswith(f"{path}/") for path in SHORT_PATHS):
            app.add_url_rule(
                short,
                endpoint=f"short:{rule.endpoint}",
                view_func=app.view_functions[rule.endpoint],
                methods=rule.methods,
            )
