"""What handing over a mail may end in.

MailError
├── MailRefused       permanent: this message will never be taken (bad recipient, refused content)
└── MailUnavailable   transient: the server is away, busy, or says "later"
"""

from __future__ import annotations

from typing import ClassVar


class MailError(Exception):
    """A mail was not taken. `permanent`: trying again cannot help."""

    permanent: ClassVar[bool]


class MailRefused(MailError):
    """The server will not take this message."""

    permanent = True


class MailUnavailable(MailError):
    """The server cannot take messages at present."""

    permanent = False
