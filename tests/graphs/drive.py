"""Random graphs on a stack, many at once: started, spoken to while they wait, and compared with the model when they are over."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from app.core.events import emit
from app.domains.workflows import service
from app.domains.workflows.errors import WrongState
from tests.graphs.draw import EVENT, Drawn, Word, draw, signal_for
from tests.graphs.model import faults
from tests.graphs.stack import Stack


@dataclass(frozen=True)
class Graph:
    """The graph of a number under a seed: always the same one."""

    seed: str
    number: int

    def drawn(self) -> Drawn:
        dice = random.Random(f"{self.seed}/{self.number}")
        return draw(dice, may_fail=self.number % 2 == 1, waits=self.number % 4 >= 2)


def run(stack: Stack, graphs: Iterable[Graph], *, tally: Counter[str] | None = None) -> dict[Graph, list[str]]:
    """Run these at once; what is wrong with any, with its steps. `tally`: counts what became of executions and steps."""
    drawn = {graph: graph.drawn() for graph in graphs}
    started = {stack.start(each.steps): graph for graph, each in drawn.items()}
    _until_over(stack, {execution_id: drawn[graph] for execution_id, graph in started.items()})
    found: dict[Graph, list[str]] = {}
    for execution_id, seen in stack.observer.see(started).items():
        graph = started[execution_id]
        if wrong := faults(drawn[graph], seen):
            found[graph] = [*wrong, json.dumps(drawn[graph].steps)]
        if tally is not None:
            tally[f"executions {seen.execution.state}"] += 1
            tally.update(f"times a step became {event.to_state}" for event in seen.events if event.step is not None)
    return found


def told(faults: dict[Graph, list[str]]) -> str:
    """Faults as lines for people."""
    return "\n".join(
        f"graph {graph.number} of seed {graph.seed}:\n  " + "\n  ".join(said) for graph, said in faults.items()
    )


def _until_over(stack: Stack, started: dict[int, Drawn]) -> None:
    for execution_id, drawn in started.items():
        for step, words in drawn.words.items():
            for word in words:
                if word.early:
                    _say(stack, execution_id, step, word)
    silent = {
        (execution_id, step): [word for word in words if not word.early]
        for execution_id, drawn in started.items()
        for step, words in drawn.words.items()
    }

    def speak(open_: list[int]) -> None:
        for waiting in stack.observer.waiting(open_):
            for word in silent.pop(waiting, []):
                _say(stack, *waiting, word)

    stack.observer.until_over(started, meanwhile=speak)


def _say(stack: Stack, execution_id: int, step: str, word: Word) -> None:
    # one that has failed meanwhile listens to nobody
    with suppress(WrongState), stack.world.database.transaction(stack.owner) as session:
        match word.how:
            case "signal":
                service.signal(session, execution_id=execution_id, name=signal_for(step), data=word.data)
            case "event":
                emit(session, EVENT, f"graph/{execution_id}", {**word.data, "execution": execution_id})
            case "answer":
                service.answer(session, execution_id=execution_id, step_name=step, may=lambda _: True, **word.data)
