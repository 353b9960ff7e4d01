"""The tenants' addresses on one machine: one process for all of them, by host name (`python -m ...endpoints`).

It reads a tenant's record at each request and holds nothing, so a tenant is there as soon as its record is, and stays
while workers come and go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.wrappers import Request, Response

from app.adapters.provisioners import records
from app.adapters.provisioners.addresses import host_name, slug_of_host
from app.adapters.provisioners.records import TenantRecord
from app.core.settings import Settings

THREADS = 8

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{name}</title></head>
<body><h1>{name}</h1><p>This service is active{region}.</p>{brand}</body>
</html>
"""


class Endpoints:
    """The WSGI application: `/` names the tenant of the host, `/health` says so to machines."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        try:
            response = self._answer(request)
        except HTTPException as error:
            response = _problem(error)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = "default-src 'none'"
        response.headers["Cache-Control"] = "no-store"
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        host = request.environ.get("HTTP_HOST", "")
        slug = slug_of_host(self._settings, host) or records.slug_of_domain(self._settings, host_name(host))
        record = records.read(self._settings, slug) if slug else None
        if record is None:
            raise NotFound("No tenant answers under this host name.")
        if request.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed(["GET", "HEAD"], "This address is only read.")
        match request.path:
            case "/":
                return Response(_page(record), mimetype="text/html")
            case "/health":
                return _json({"status": "ok", "tenant": record.name, "slug": record.slug}, mimetype="application/json")
        raise NotFound("There is nothing at this address.")


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn around the endpoints, configured by our settings alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in {
            "bind": f"{self._settings.endpoints_host}:{self._settings.endpoints_port}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "timeout": 30,
            "proc_name": "turnup-endpoints",
            "control_socket_disable": True,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Endpoints:
        return Endpoints(self._settings)


def _page(record: TenantRecord) -> str:
    region = f" in {escape(record.region)}" if record.region else ""
    return _PAGE.format(name=escape(record.name), region=region, brand=_brand(record.branding))


def _brand(branding: Mapping[str, str]) -> str:
    """Whose service it is and whom to ask, where that is not the installation itself."""
    lines = []
    if name := branding.get("company_name"):
        lines.append(f"A service of {escape(name)}.")
    if contact := [escape(branding[each]) for each in ("support_email", "support_phone") if each in branding]:
        lines.append(f"Support: {', '.join(contact)}")
    return "".join(f"<p>{line}</p>" for line in lines)


def _json(body: dict[str, Any], *, mimetype: str, status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status=status, mimetype=mimetype)


def _problem(error: HTTPException) -> Response:
    response = _json(
        {"type": "about:blank", "title": error.name, "status": error.code, "detail": error.description},
        mimetype="application/problem+json",
        status=error.code or 500,
    )
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(error.valid_methods)
    return response


def main() -> None:
    """Serve until told to stop."""
    Server(Settings.from_environment()).run()


if __name__ == "__main__":
    main()
