"""SMS where no gateway is configured: each message is a file in a folder, as a mail catcher keeps mails.

Whoever has a modem or a gateway of their own takes the files from there; on a developer's machine they are read by hand.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

from app.adapters.sms.errors import SmsRefused, SmsUnavailable
from app.adapters.sms.port import Sms

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class SmsSpool:
    """A folder of `<id>.json` files, `{"id", "to", "text"}` each, readable by this account only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, sms: Sms) -> None:
        """Write the message, whole or not at all; one that lies there already stays as it is."""
        if not _ID.fullmatch(sms.id):
            message = "a message's id is made of letters, digits and hyphens"
            raise SmsRefused(message)
        try:
            self._write(self._folder / f"{sms.id}.json", {"id": sms.id, "to": sms.to, "text": sms.text})
        except OSError as error:
            message = f"the SMS folder cannot be written to: {error.strerror}"
            raise SmsUnavailable(message) from None

    def check(self) -> None:
        """See that the folder can be written to."""
        try:
            self._make_folder()
        except OSError as error:
            message = f"the SMS folder cannot be written to: {error.strerror}"
            raise SmsUnavailable(message) from None
        if not os.access(self._folder, os.W_OK | os.X_OK):
            message = "the SMS folder cannot be written to"
            raise SmsUnavailable(message)

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _write(self, path: Path, document: dict[str, str]) -> None:
        self._make_folder()
        # mkstemp's file is the owner's alone; a link to it is made only where there is none of that name
        number, name = tempfile.mkstemp(prefix=".", dir=self._folder)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump(document, file, ensure_ascii=False)
            path.hardlink_to(name)
        except FileExistsError:
            return
        finally:
            Path(name).unlink()
