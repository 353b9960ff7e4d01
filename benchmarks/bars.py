"""The bars: what a figure must be, what it should be, and the table that says which hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table

COLUMNS = {"hop": "every step its own message", "inline": "straight chains run on"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure's limit in each column, and its goal where there is one. `at_least`: larger is better."""

    figure: str
    meaning: str
    limits: Mapping[str, float]
    goals: Mapping[str, float]
    at_least: bool = False

    def holds(self, column: str, value: float) -> bool:
        return value >= self.limits[column] if self.at_least else value <= self.limits[column]

    def text(self, column: str) -> str:
        """The limit as people write it, with the goal behind it."""
        sign = ">=" if self.at_least else "<="
        goal = f" (goal {self.goals[column]:g})" if column in self.goals else ""
        return f"{sign} {self.limits[column]:g}{goal}"


def _bar(
    figure: str, meaning: str, *, hop: float, inline: float, goal: float | None = None, at_least: bool = False
) -> Bar:
    return Bar(figure, meaning, {"hop": hop, "inline": inline}, {} if goal is None else {"hop": goal}, at_least)


COUNTED = [
    _bar("write_tx", "write transactions per workflow", hop=8, inline=8),
    _bar("redis_commands", "Redis commands per workflow, events off", hop=75, inline=35),
]
RATIOS = [
    _bar("L", "L / plain Celery", hop=0.85, inline=0.5, goal=0.7),
    _bar("T", "T / plain Celery", hop=1.25, inline=2.0, goal=1.8, at_least=True),
    _bar("O", "O / plain Celery", hop=0.65, inline=0.65, goal=0.5),
    _bar("C", "C / plain Celery", hop=0.85, inline=0.2, goal=0.75),
    _bar("cpu", "worker CPU / plain Celery", hop=0.9, inline=0.5, goal=0.6),
    _bar("T_dbos", "T / DBOS in process", hop=1.0, inline=1.8, goal=1.5, at_least=True),
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One figure beside its bar. `value` None: it was not measured."""

    part: str
    column: str
    bar: Bar
    value: float | None

    @property
    def holds(self) -> bool:
        return self.value is not None and self.bar.holds(self.column, round(self.value, 2))


def verdicts(written: Mapping[str, Any]) -> Iterator[Verdict]:
    """Every figure of var/bench.json that has a bar; those of a column that does not exist are left out."""
    for part, bars in (("counts", COUNTED), ("events_on", RATIOS), ("events_off", RATIOS)):
        for bar in bars:
            for column in COLUMNS:
                if column in written[part]:
                    yield Verdict(part, column, bar, written[part][column].get(bar.figure))


PARTS = {"counts": "counted", "events_on": "events on", "events_off": "events off"}


def table(written: Mapping[str, Any]) -> Table:
    """All of them with pass or fail."""
    made = Table("", "figure", *(part for column in COLUMNS.values() for part in (column, "bar")))
    rows: dict[tuple[str, str], dict[str, Verdict]] = {}
    for verdict in verdicts(written):
        rows.setdefault((verdict.part, verdict.bar.meaning), {})[verdict.column] = verdict
    for (part, meaning), by_column in rows.items():
        cells = []
        for column in COLUMNS:
            found = by_column.get(column)
            cells += [_shown(found), found.bar.text(column)] if found else ["", ""]
        made.add_row(PARTS[part], meaning, *cells)
    return made


def _shown(verdict: Verdict) -> str:
    if verdict.value is None:
        return "not measured"
    colour, word = ("green", "pass") if verdict.holds else ("red", "FAIL")
    return f"[{colour}]{verdict.value:.2f} {word}[/{colour}]"
