"""What handing over a message may end in; each carrier has its own two kinds of it."""

from __future__ import annotations

from typing import ClassVar


class DeliveryError(Exception):
    """A message was not taken. `permanent`: trying again cannot help. The text holds no secret: it is stored."""

    permanent: ClassVar[bool]
