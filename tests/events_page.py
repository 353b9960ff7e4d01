"""The table of event types in docs/events.md: `python -m tests.events_page` writes it anew from the catalogue."""

from __future__ import annotations

from app.core import event_types
from tests.servers import ROOT

PAGE = ROOT / "docs" / "events.md"
BEGIN, END = "<!-- types -->\n", "<!-- /types -->\n"


def types_table() -> str:
    """Every type as a line of a Markdown table."""
    lines = ["| type | about | what has happened |", "|---|---|---|"]
    lines += [f"| `{each.type}` | `{each.subject}` | {each.meaning} |" for each in event_types.listed()]
    return "\n".join(lines) + "\n"


def with_types(text: str) -> str:
    """The page's text with the table as it has to be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{types_table()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_types(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
