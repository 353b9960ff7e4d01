"""Random graphs: any acyclic one or a series-parallel one, of steps of every kind; and what is said to them while they run."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]

PERMISSION = "graph.answer"
EVENT = "graph.told"
PATIENCE = 0.6
"""Seconds that a step waits for what does not come."""


@dataclass(frozen=True)
class Word:
    """What is said about a step. `how`: signal, event or answer. `early`: at once, and not when it waits for it."""

    how: str
    data: Document = field(default_factory=dict)
    early: bool = False


@dataclass
class Drawn:
    """A graph: the steps of its definition, and what is said about them by name."""

    steps: list[Document] = field(default_factory=list)
    words: dict[str, tuple[Word, ...]] = field(default_factory=dict)

    def add(self, step: Document, *words: Word) -> None:
        self.steps.append(step)
        if words:
            self.words[step["name"]] = words

    def said(self, how: str) -> list[tuple[str, Document]]:
        """The steps of which that is said, with what is."""
        return [(step, word.data) for step, words in self.words.items() for word in words if word.how == how]


def signal_for(step: str) -> str:
    """The name of the signal that a step waits for."""
    return f"go_{step}"


def call(method: str, **params: Any) -> Document:
    return {"type": "service_call", "service": "test_service", "method": method, "params": params}


def draw(dice: random.Random, *, may_fail: bool, waits: bool = False, kills: bool = False) -> Drawn:
    """6 to 14 steps. `may_fail`: some fail for good though they are critical; `waits`: some wait for time, words or persons;
    `kills`: some kill their worker once."""
    drawn = Drawn()
    size = dice.randint(6, 14)
    for n, depends_on in enumerate(dice.choice((_any, _series_parallel))(dice, size)):
        common: Document = {"name": f"s{n}", "depends_on": [f"s{each}" for each in depends_on]}
        if dice.random() < 0.1:
            common["when"] = dice.choice(("false", "true"))
        kind = dice.random()
        if kind < 0.1:
            condition = dice.choice(("false", "true", "false"))
            drawn.add({**common, "type": "condition", "condition": condition, "on_false": "skip_dependents"})
        elif kind < 0.18:
            drawn.add(common | call("quiet"))
        elif waits and kind < 0.45:
            dice.choice(WAITS)(drawn, common, dice, may_fail)
        else:
            _work(drawn, common, dice, may_fail=may_fail, kills=kills)
    return drawn


def _any(dice: random.Random, size: int) -> list[list[int]]:
    widths = [min(n, dice.choice((0, 1, 1, 2, 2, 3)) if n > 1 else n) for n in range(size)]
    return [sorted(dice.sample(range(n), width)) for n, width in enumerate(widths)]


def _series_parallel(dice: random.Random, size: int) -> list[list[int]]:
    made: list[list[int]] = []

    def part(count: int, before: list[int]) -> list[int]:
        if count == 1:
            made.append(before)
            return [len(made) - 1]
        first = dice.randint(1, count - 1)
        if dice.random() < 0.5:
            return part(count - first, part(first, before))
        return part(first, before) + part(count - first, before)

    part(size, [])
    return made


def _work(drawn: Drawn, common: Document, dice: random.Random, *, may_fail: bool, kills: bool) -> None:
    params: Document = {"seconds": round(dice.random() * 0.03, 3)}
    luck = dice.random()
    if luck < 0.06:
        params["fail"] = dice.choice((1, 2))
    elif luck < 0.16:
        params |= {"fail": 9, "permanent": True}
        common["critical"] = False
    elif may_fail and luck < 0.26:
        params |= {"fail": 9, "permanent": True}
    elif kills and luck < 0.3:
        params["kill"] = 1
    drawn.add(common | call(dice.choice(("note", "note", "outside")), **params))


def _failing(common: Document, dice: random.Random, may_fail: bool) -> Document:
    """Whatever fails is critical only in graphs that may fail."""
    return common if may_fail and dice.random() < 0.5 else common | {"critical": False}


def _time(drawn: Drawn, common: Document, dice: random.Random, may_fail: bool) -> None:
    how: Document = dice.choice(
        ({"seconds": round(dice.uniform(0.05, 0.4), 2)}, {"seconds": 0.01}, {"until": "2020-02-29T12:00:00Z"})
    )
    drawn.add(common | {"type": "wait"} | how)


def _signal(drawn: Drawn, common: Document, dice: random.Random, may_fail: bool) -> None:
    step = common | {"type": "wait", "event": signal_for(common["name"]), "match": "event.data.right"}
    words = [Word("signal", {"right": right}, early=dice.random() < 0.4) for right in (False, True)]
    drawn.add(step, *words[dice.randint(0, 1) :])


def _event(drawn: Drawn, common: Document, dice: random.Random, may_fail: bool) -> None:
    match = f"event.data.execution == execution.id && event.data.step == '{common['name']}'"
    drawn.add(common | {"type": "wait", "event": EVENT, "match": match}, Word("event", {"step": common["name"]}))


def _in_vain(drawn: Drawn, common: Document, dice: random.Random, may_fail: bool) -> None:
    step = {"type": "wait", "event": "never_said", "timeout_seconds": PATIENCE}
    if dice.random() < 0.5:
        drawn.add(common | step | {"on_timeout": "continue"})
    else:
        drawn.add(_failing(common, dice, may_fail) | step)


def _approval(drawn: Drawn, common: Document, dice: random.Random, may_fail: bool) -> None:
    approved = dice.random() < 0.7
    common = common if approved else _failing(common, dice, may_fail)
    step = common | {"type": "approval", "permission": PERMISSION}
    drawn.add(step, Word("answer", {"approved": approved}))


def _unanswered(drawn: Drawn, common: Document, dice: random.Random, may_fail: bool) -> None:
    then = dice.choice(("approve", "reject", "fail"))
    common = common if then == "approve" else _failing(common, dice, may_fail)
    step = common | {"type": "approval", "permission": PERMISSION, "timeout_seconds": PATIENCE, "on_timeout": then}
    drawn.add(step)


def _condition(drawn: Drawn, common: Document, dice: random.Random, may_fail: bool) -> None:
    is_true = dice.random() < 0.5
    common = common if is_true else _failing(common, dice, may_fail)
    step = common | {"type": "condition", "condition": str(is_true).lower(), "timeout_seconds": PATIENCE}
    drawn.add(step)


WAITS: tuple[Callable[[Drawn, Document, random.Random, bool], None], ...] = (
    _time,
    _signal,
    _event,
    _in_vain,
    _approval,
    _unanswered,
    _condition,
)
