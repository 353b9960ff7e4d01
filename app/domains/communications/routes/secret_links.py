"""The public page of a secret link. Looking at it uses nothing up, so that a mail scanner may: only pressing the button does."""

from __future__ import annotations

from html import escape
from typing import Any

from flask import Response, request

from app.core.audit import ADDRESS
from app.domains.communications import schemas, service
from app.domains.communications.errors import SecretGone
from app.http.endpoint import PUBLIC, Blueprint, Context, endpoint

secret_links = Blueprint(
    "secret-links", __name__, url_prefix="/api/public", description="Links that show a secret once"
)

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<title>Something confidential for you</title></head>
<body><h1>Something confidential for you</h1>{content}</body>
</html>
"""
_ASK = """
<p>It is shown once. Press the button when you are ready to keep it.</p>
<form method="post"><button type="submit">Show it</button></form>
"""
_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


@endpoint(
    secret_links,
    "GET",
    "/secrets/<string:token>",
    permission=PUBLIC,
    answer=schemas.SecretLinkOut,
    errors=[404],
)
def show_secret_link(ctx: Context, *, token: str) -> Any:
    """Whether there is something behind the link; a browser gets a page with a button."""
    try:
        with ctx.world.across.transaction() as session:
            expires_at = service.find_secret_link(session, token=token)
    except SecretGone as gone:
        if _is_for_a_browser():
            return _page(f"<p>{escape(gone.message)}</p>", status=404)
        raise
    if _is_for_a_browser():
        return _page(_ASK)
    return {"is_waiting": True, "expires_at": expires_at}


@endpoint(
    secret_links,
    "POST",
    "/secrets/<string:token>",
    permission=PUBLIC,
    answer=schemas.RevealedOut,
    errors=[404],
)
def reveal_secret(ctx: Context, *, token: str) -> Any:
    """Show what is behind the link. It is gone with that, also when the answer gets lost."""
    try:
        with ctx.world.across.transaction() as session:
            session.info[ADDRESS] = ctx.address
            secret = service.reveal_secret(session, token=token)
    except SecretGone as gone:
        if _is_for_a_browser():
            return _page(f"<p>{escape(gone.message)}</p>", status=404)
        raise
    if _is_for_a_browser():
        return _page(f"<pre>{escape(secret)}</pre><p>Keep it now: it will not be shown again.</p>")
    return {"secret": secret}


def _is_for_a_browser() -> bool:
    kinds = request.accept_mimetypes
    return kinds.best_match(["application/json", "text/html"]) == "text/html"


def _page(content: str, *, status: int = 200) -> Response:
    page = Response(_PAGE.format(content=content), status=status, mimetype="text/html")
    page.headers["Content-Security-Policy"] = _POLICY
    return page
