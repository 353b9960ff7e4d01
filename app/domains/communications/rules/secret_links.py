"""Links that show a secret: how long and how often, where they lead, and how a text is shown without them."""

from __future__ import annotations

import re
from datetime import timedelta

from app.domains.communications.errors import BadSecretLink

MAX_LINK_LIFE = timedelta(days=90)
MAX_LINK_VIEWS = 10

PATH = "/api/public/secrets/"
_TOKEN = re.compile(rf"(?<={PATH})[\w-]+")


def check_secret_link(*, life: timedelta, views: int) -> None:
    """Raise BadSecretLink for a link that would live or be shown longer or less than a link may."""
    if not timedelta(0) < life <= MAX_LINK_LIFE:
        message = f"A secret link lives for more than no time and at most {MAX_LINK_LIFE.days} days."
        raise BadSecretLink(message)
    if not 1 <= views <= MAX_LINK_VIEWS:
        message = f"A secret link is opened between 1 and {MAX_LINK_VIEWS} times."
        raise BadSecretLink(message)


def without_tokens(text: str) -> str:
    """A message's text as others than its recipient may read it: with links that open nothing."""
    return _TOKEN.sub("...", text)
