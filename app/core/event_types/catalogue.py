"""The catalogue, read once from its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml

DIALECT = "https://json-schema.org/draft/2020-12/schema"

PREFIXES: Mapping[str, str] = {
    "lead": "crm",
    "quote": "crm",
    "payable": "billing",
    "payment": "billing",
    "invoice": "billing",
    "subscription": "billing",
}
"""The families whose types are also known under the name of their part of the business: `crm.lead.qualified`."""


@dataclass(frozen=True, slots=True)
class EventType:
    """`subject` is a template over the data (`order/{order_id}`); `schema` the JSON Schema of the data, complete in itself.

    `optional`: the properties that also events of Turnup's own may go without.
    """

    type: str
    meaning: str
    subject: str
    schema: Mapping[str, Any]
    optional: frozenset[str]

    @property
    def family(self) -> str:
        """What comes before the dot: the noun that it is about."""
        return self.type.partition(".")[0]

    @property
    def also_known_as(self) -> tuple[str, ...]:
        """Other names that triggers and events from outside may use."""
        prefix = PREFIXES.get(self.family)
        return (f"{prefix}.{self.type}",) if prefix else ()

    def subject_of(self, data: Mapping[str, Any]) -> str | None:
        """Whom an event with these data is about; None where the data do not say it."""
        try:
            return self.subject.format_map({name: value for name, value in data.items() if value is not None})
        except KeyError:
            return None


def find(event_type: str) -> EventType | None:
    """The type of that name (without a leading `crm.` or `billing.`); None for one that is not Turnup's."""
    return _by_name().get(event_type)


def listed() -> list[EventType]:
    """All types, by name."""
    return sorted(_by_name().values(), key=lambda each: each.type)


@cache
def families() -> frozenset[str]:
    """The nouns that Turnup's own types begin with; others' types begin with other words."""
    return frozenset(each.family for each in _by_name().values())


def closest(event_type: str) -> str | None:
    """The type that somebody who wrote this may have meant."""
    return next(iter(get_close_matches(event_type, _by_name(), n=1)), None)


@cache
def _by_name() -> Mapping[str, EventType]:
    found: dict[str, EventType] = {}
    for file in sorted(files(__package__).iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".yaml"):
            for each in _read(file.read_text(encoding="utf-8")):
                if each.type in found:
                    message = f"{each.type} is described twice"
                    raise ValueError(message)
                found[each.type] = each
    return MappingProxyType(found)


def _read(text: str) -> Iterator[EventType]:
    for name, described in yaml.safe_load(text)["types"].items():
        yield EventType(
            type=name,
            meaning=described["meaning"],
            subject=described["subject"],
            schema={
                "$schema": DIALECT,
                "title": name,
                "description": described["meaning"],
                "type": "object",
                "required": described["required"],
                "properties": described["properties"],
            },
            optional=frozenset(described.get("optional", ())),
        )
