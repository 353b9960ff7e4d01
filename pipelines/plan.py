"""What is sent next.

Nothing here knows Celery: `routes` says for every step what straight run begins with it and at which join that run
ends, `segments` makes chains, groups and chords of the steps that are ready. The whole workflow as text for people is
`tree`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.compensation import UndoNode
from pipelines.graph import Graph
from pipelines.tree import tree

__all__ = [
    "CHAIN_LIMIT",
    "GROUP_LIMIT",
    "Chain",
    "Chord",
    "Group",
    "Hop",
    "Route",
    "Segment",
    "routes",
    "segments",
    "tree",
    "undo_routes",
]

CHAIN_LIMIT = 8
"""Hops in one chain: keeps a message under 4 kB whatever the size of the graph."""

GROUP_LIMIT = 100
"""Chains in one group: keeps the publishing of one canvas bounded."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One message on the way: a step by number, the Celery task it travels as, its queue (None: the default)."""

    number: int
    task: str
    queue: str | None = None

    def as_json(self) -> list[Any]:
        return [self.number, self.task] if self.queue is None else [self.number, self.task, self.queue]


@dataclass(frozen=True, slots=True)
class Route:
    """The straight run that begins with a step: the step and what follows it alone and for it alone.

    `join`: the step with several dependencies at which the run ends, with `width` their number; None and 0 where the
    run ends at a fork, a sink or the limit.
    """

    hops: tuple[Hop, ...]
    join: Hop | None = None
    width: int = 0

    def as_json(self) -> list[Any]:
        """As a step's row keeps it: `[[hop, ...]]` or `[[hop, ...], join, width]`."""
        hops = [hop.as_json() for hop in self.hops]
        return [hops] if self.join is None else [hops, self.join.as_json(), self.width]

    @classmethod
    def from_json(cls, value: Sequence[Any]) -> Route:
        hops = tuple(Hop(*hop) for hop in value[0])
        return cls(hops) if len(value) == 1 else cls(hops, Hop(*value[1]), value[2])


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps one after the other."""

    hops: tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Chains side by side."""

    chains: tuple[Chain, ...]


@dataclass(frozen=True, slots=True)
class Chord:
    """Chains side by side that all end at one join, with nothing else leading to it."""

    chains: tuple[Chain, ...]
    body: Hop


Segment = Chain | Group | Chord


def routes(graph: Graph, hop_of: Sequence[Hop]) -> list[Route]:
    """The route of every step, by number. `hop_of[n]` is how step n travels."""
    after = dict(enumerate(graph.successors))
    widths = {n: len(before) for n, before in enumerate(graph.predecessors)}
    return [_route(n, after, widths, hop_of) for n in range(len(graph))]


def undo_routes(nodes: Mapping[int, UndoNode], hop_of: Mapping[int, Hop]) -> dict[int, Route]:
    """The route of every step to undo, over the reversed graph of a rollback."""
    after = {n: node.releases for n, node in nodes.items()}
    widths = {n: node.unmet for n, node in nodes.items()}
    return {n: _route(n, after, widths, hop_of) for n in nodes}


def segments(ready: Iterable[Route]) -> list[Segment]:
    """The canvases that carry these ready steps, each once.

    Runs that together are all that leads to one join make a chord, the others groups; one alone is a chain.
    """
    routed = list(ready)
    if len(routed) == 1:
        return [Chain(routed[0].hops)]
    by_join: dict[int, list[Route]] = defaultdict(list)
    for route in routed:
        if route.join is not None:
            by_join[route.join.number].append(route)
    whole = {join for join, members in by_join.items() if len(members) == members[0].width}
    made: list[Segment] = []
    loose: list[Chain] = []
    for route in routed:
        if route.join is None or route.join.number not in whole:
            loose.append(Chain(route.hops))
        elif route is by_join[route.join.number][0]:
            members = by_join[route.join.number]
            made.append(Chord(tuple(Chain(member.hops) for member in members), route.join))
    for start in range(0, len(loose), GROUP_LIMIT):
        chains = tuple(loose[start : start + GROUP_LIMIT])
        made.append(Group(chains) if len(chains) > 1 else chains[0])
    return made


def _route(
    start: int,
    after: Mapping[int, Sequence[int]],
    widths: Mapping[int, int],
    hop_of: Sequence[Hop] | Mapping[int, Hop],
) -> Route:
    run = [hop_of[start]]
    current = start
    while len(after[current]) == 1:
        following = after[current][0]
        if widths[following] > 1:
            return Route(tuple(run), hop_of[following], widths[following])
        if len(run) == CHAIN_LIMIT:
            break
        run.append(hop_of[following])
        current = following
    return Route(tuple(run))
