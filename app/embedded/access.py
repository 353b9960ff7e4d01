"""How a server is reached: port, user and password, kept beside its data with mode 0600."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from app.embedded.errors import DataUnusable


@dataclass(frozen=True, slots=True)
class Access:
    """The way in. `port` 0: not chosen yet."""

    user: str
    password: str = field(repr=False)
    port: int = 0


def load(path: Path) -> Access | None:
    """What `save` wrote; None when nothing was. Raises DataUnusable when the file cannot be understood."""
    try:
        content = json.loads(path.read_text())
        return Access(
            user=content["user"],
            password=content["password"],
            port=int(content["port"]),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise DataUnusable(
            f"{path} is damaged: delete the folder {path.parent} (its data are lost with it), and start again."
        ) from error


def save(path: Path, access: Access) -> None:
    """Replace the file in one step, so that a crash leaves the old or the new one, never a part."""
    write_private(path, json.dumps(asdict(access)))


def generate(*, user: str) -> Access:
    """A new way in with a random password."""
    return Access(user=user, password=secrets.token_urlsafe(24))


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step by a file that only its owner reads."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
