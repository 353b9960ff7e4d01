"""The API's description and two pages that show it, all from this machine: no CDN, and a policy that allows none."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, send_from_directory
from flask_smorest import Api
from werkzeug.exceptions import NotFound

from app.http.routes import PUBLIC, Route, declare
from app.http.wire import dumps

_OWN = Path(__file__).parent / "static"
# asset -> the package that ships it, and where inside
_SHIPPED = {
    "swagger-ui.css": ("flask_openapi3_swagger", "templates/swagger/css"),
    "swagger-ui-bundle.js": ("flask_openapi3_swagger", "templates/swagger/js"),
    "redoc.standalone.js": ("flask_openapi3_redoc", "templates/redoc/js"),
}
_OURS = {"swagger.html", "swagger.js", "redoc.html"}

# Redoc styles by script and searches in a worker made from a blob
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; worker-src blob:; child-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_SPECIFICATION = "turnup.openapi"


def register(app: Flask, api: Api) -> None:
    """Serve /openapi.json, /docs and /redoc."""
    app.extensions[_SPECIFICATION] = api
    blueprint = Blueprint("docs", __name__)
    for path, view in (
        ("/openapi.json", _specification),
        ("/docs", _swagger),
        ("/redoc", _redoc),
        ("/docs/assets/<name>", _asset),
    ):
        declare(view, Route("GET", path, PUBLIC))
        blueprint.add_url_rule(path, view_func=view)
    app.register_blueprint(blueprint)


def _specification() -> Response:
    api: Api = current_app.extensions[_SPECIFICATION]
    return Response(dumps(api.spec.to_dict()), content_type="application/json")


def _swagger() -> Response:
    return _page("swagger.html")


def _redoc() -> Response:
    return _page("redoc.html")


def _page(name: str) -> Response:
    response = send_from_directory(_OWN, name)
    response.headers["Content-Security-Policy"] = _POLICY
    return response


def _asset(name: str) -> Response:
    if name in _OURS:
        return send_from_directory(_OWN, name, max_age=3600)
    if name not in _SHIPPED:
        raise NotFound
    package, folder = _SHIPPED[name]
    # found without being imported: only its files are wanted
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise NotFound
    return send_from_directory(Path(spec.submodule_search_locations[0]) / folder, name, max_age=3600)
