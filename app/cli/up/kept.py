"""Secrets that are made at the first start and are the same at the next: one file that only its owner reads."""

from __future__ import annotations

import dataclasses
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet

from app.embedded.access import write_private
from app.embedded.errors import DataUnusable

FILE = "secrets.json"
RANDOM_BYTES = 32
PASSWORD_BYTES = 18


def _password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Everything that has to be secret and that nobody has set."""

    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(RANDOM_BYTES), repr=False)
    sealing_key: str = field(default_factory=lambda: Fernet.generate_key().decode(), repr=False)
    application_password: str = field(default_factory=_password, repr=False)
    owner_password: str = field(default_factory=_password, repr=False)
    system_password: str = field(default_factory=_password, repr=False)
    provisioner_password: str = field(default_factory=_password, repr=False)
    flower_password: str = field(default_factory=_password, repr=False)
    administrator_password: str = field(default_factory=_password, repr=False)


def load_or_make(var: Path) -> Kept:
    """What was kept in this folder, with what is new since then; made and kept when there is nothing.

    Raises DataUnusable when it cannot be read, or is gone while the database that needs it is there.
    """
    path = var / FILE
    try:
        found = json.loads(path.read_text())
        known = {each.name for each in dataclasses.fields(Kept)}
        kept = Kept(**{name: str(value) for name, value in found.items() if name in known})
    except FileNotFoundError:
        if (var / "postgres" / "pgdata").exists():
            raise DataUnusable(
                f"{path} is gone, and without it the secrets in the database of {var} cannot be opened: put it back, "
                f"or delete {var} to begin anew (its data are lost with it)."
            ) from None
        kept, found = Kept(), None
    except (ValueError, AttributeError) as error:
        raise DataUnusable(
            f"{path} is damaged: put it back from a copy, or delete {var} to begin anew (its data are lost with it)."
        ) from error
    if found != dataclasses.asdict(kept):
        write_private(path, json.dumps(dataclasses.asdict(kept), indent=2) + "\n")
    return kept
