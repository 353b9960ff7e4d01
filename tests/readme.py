"""What of the README is made from the code, and what of it can be run: `python -m tests.readme` writes the former anew."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path

from app.core.settings import DEFAULT_SECRET, Settings
from tests.servers import ROOT

README = ROOT / "README.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->\n"

_BLOCK = re.compile(r"<!-- runs(?:: one (?P<refusal>\d{3}))? -->\n```sh\n(?P<script>.*?)```\n", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """Commands of the README that are marked as running as they stand; `refusal`: the status that one of them is meant to get."""

    script: str
    refusal: int | None


def blocks(path: Path = README) -> list[Block]:
    """The marked blocks, in order."""
    found = _BLOCK.finditer(path.read_text(encoding="utf-8"))
    return [Block(each["script"], int(each["refusal"]) if each["refusal"] else None) for each in found]


def settings_table() -> str:
    """Every setting as a line of a Markdown table."""
    lines = ["| variable | meaning | default |", "|---|---|---|"]
    for setting in dataclasses.fields(Settings):
        name, meaning = setting.metadata["env"], setting.metadata["meaning"]
        lines.append(
            f"| `{name}` | {_sentence(meaning, secret=setting.metadata['secret'])} | {_shown(setting.default)} |"
        )
    return "\n".join(lines) + "\n"


def with_settings(text: str) -> str:
    """The README's text with the table as it has to be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{settings_table()}{END}{after}"


def _sentence(meaning: str, *, secret: bool) -> str:
    escaped = meaning.replace("|", "\\|")
    return f"{escaped} (secret)" if secret else escaped


def _shown(default: object) -> str:
    if default in (None, "", ()):
        return "-"
    if default == DEFAULT_SECRET:
        return "one for development, refused in production"
    if isinstance(default, bool):
        return "`true`" if default else "`false`"
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{default}`"


if __name__ == "__main__":
    README.write_text(with_settings(README.read_text(encoding="utf-8")), encoding="utf-8")
