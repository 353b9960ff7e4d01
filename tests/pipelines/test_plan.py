"""Segments, run to their end over random completion orders by a canvas that is only simulated."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from pipelines.compensation import undo_order
from pipelines.graph import Graph
from pipelines.plan import (
    CHAIN_LIMIT,
    GROUP_LIMIT,
    Chain,
    Chord,
    Group,
    Hop,
    Route,
    Segment,
    routes,
    segments,
    undo_routes,
)
from tests.pipelines.graphs import Dependencies, acyclic, chances, series_parallel


def hops(graph: Graph) -> list[Hop]:
    return [Hop(n, f"test.{name}") for n, name in enumerate(graph.names)]


def routes_of(depends_on: Dependencies) -> dict[str, Route]:
    graph = Graph.make(depends_on)
    return dict(zip(graph.names, routes(graph, hops(graph)), strict=True))


def numbers(route: Route) -> list[int]:
    return [hop.number for hop in route.hops]


def test_a_route_is_the_straight_run_up_to_its_join():
    found = routes_of({"a": [], "b": ["a"], "c": ["a"], "d": ["b"], "e": ["c", "d"], "f": ["e"]})
    assert numbers(found["a"]) == [0]
    assert numbers(found["b"]) == [1, 3]
    assert (found["b"].join, found["b"].width) == (Hop(4, "test.e"), 2)
    assert found["a"].join is None
    assert numbers(found["e"]) == [4, 5]


def test_a_long_run_ends_at_the_limit_without_a_join():
    found = routes_of({f"s{i}": [f"s{i - 1}"] if i else [] for i in range(20)})
    assert numbers(found["s0"]) == list(range(CHAIN_LIMIT))
    assert found["s0"].join is None


def test_a_run_of_just_the_limit_knows_its_join():
    chain = {f"s{i}": [f"s{i - 1}"] if i else [] for i in range(CHAIN_LIMIT)}
    found = routes_of({**chain, "other": [], "join": [f"s{CHAIN_LIMIT - 1}", "other"]})
    assert len(found["s0"].hops) == CHAIN_LIMIT
    assert found["s0"].width == 2


@given(acyclic())
def test_routes_survive_their_row(depends_on: Dependencies):
    graph = Graph.make(depends_on)
    queued = [Hop(hop.number, hop.task, "slow" if hop.number % 2 else None) for hop in hops(graph)]
    for route in routes(graph, queued):
        assert Route.from_json(json.loads(json.dumps(route.as_json()))) == route


def test_one_ready_step_is_a_chain():
    route = Route((Hop(0, "a"), Hop(1, "b")), Hop(2, "c"), 2)
    assert segments([route]) == [Chain(route.hops)]


def test_nothing_ready_is_nothing():
    assert segments([]) == []


def test_all_that_leads_to_a_join_is_a_chord():
    join = Hop(9, "join")
    ready = [Route((Hop(n, "s"),), join, 3) for n in range(3)]
    assert segments(ready) == [Chord(tuple(Chain(r.hops) for r in ready), join)]


def test_part_of_what_leads_to_a_join_is_a_group():
    ready = [Route((Hop(n, "s"),), Hop(9, "join"), 3) for n in range(2)]
    assert segments(ready) == [Group(tuple(Chain(r.hops) for r in ready))]


def test_ready_steps_are_split_by_join():
    left = [Route((Hop(n, "s"),), Hop(8, "left"), 2) for n in range(2)]
    right = [Route((Hop(n, "s"),), Hop(9, "right"), 2) for n in range(2, 4)]
    alone = Route((Hop(4, "s"),))
    assert segments([left[0], right[0], alone, left[1], right[1]]) == [
        Chord(tuple(Chain(r.hops) for r in left), Hop(8, "left")),
        Chord(tuple(Chain(r.hops) for r in right), Hop(9, "right")),
        Chain(alone.hops),
    ]


def test_a_wide_group_is_sent_in_bounded_parts():
    made = segments([Route((Hop(n, "s"),)) for n in range(2 * GROUP_LIMIT + 1)])
    assert [type(segment) for segment in made] == [Group, Group, Chain]
    assert all(len(segment.chains) <= GROUP_LIMIT for segment in made if isinstance(segment, Group))


def test_a_thousand_steps_of_every_shape():
    wide = {"a": [], **{f"s{i}": ["a"] for i in range(1000)}, "z": [f"s{i}" for i in range(1000)]}
    found = routes_of(wide)
    (segment,) = segments([found[f"s{i}"] for i in range(1000)])
    assert isinstance(segment, Chord)
    assert len(segment.chains) == 1000


@dataclass(frozen=True)
class Message:
    """A step under way with what its message carries after it."""

    number: int
    rest: tuple[int, ...] = ()
    body: int | None = None


class Canvas:
    """A broker and workers in miniature: claim, release, filter and emission as the engine does them."""

    def __init__(self, routed: Mapping[int, Route], unmet: Mapping[int, int], after: Mapping[int, tuple[int, ...]]):
        self.routed = routed
        self.unmet = dict(unmet)
        self.after = after
        self.done: list[int] = []
        self.refused = 0
        self.messages: list[Message] = []

    def emit(self, ready: list[int]) -> None:
        for segment in segments([self.routed[n] for n in ready]):
            self.messages += self.sent(segment)

    def sent(self, segment: Segment) -> list[Message]:
        chains = (segment,) if isinstance(segment, Chain) else segment.chains
        body = segment.body.number if isinstance(segment, Chord) else None
        return [Message(c.hops[0].number, tuple(h.number for h in c.hops[1:]), body) for c in chains]

    def deliver(self, message: Message) -> None:
        n = message.number
        if n in self.done or self.unmet[n]:
            self.refused += 1
            return
        self.done.append(n)
        ready = []
        for following in self.after[n]:
            self.unmet[following] -= 1
            if not self.unmet[following]:
                ready.append(following)
        if message.rest:
            if message.rest[0] in ready:
                self.messages.append(Message(message.rest[0], message.rest[1:], message.body))
                ready.remove(message.rest[0])
        elif message.body is not None and message.body in ready:
            self.messages.append(Message(message.body))
            ready.remove(message.body)
        self.emit(ready)

    def run(self, rnd: random.Random, *, doubled: float = 0.0) -> list[int]:
        self.emit([n for n, count in self.unmet.items() if not count])
        while self.messages:
            at = rnd.randrange(len(self.messages))
            message = self.messages[at] if rnd.random() < doubled else self.messages.pop(at)
            self.deliver(message)
        return self.done


def forward(graph: Graph) -> Canvas:
    found = dict(enumerate(routes(graph, hops(graph))))
    return Canvas(found, graph.residual(set(range(len(graph)))), dict(enumerate(graph.successors)))


@given(st.one_of(acyclic(), series_parallel()), chances())
def test_every_step_runs_once_and_after_all_that_it_depends_on(depends_on: Dependencies, rnd: random.Random):
    graph = Graph.make(depends_on)
    canvas = forward(graph)
    done = canvas.run(rnd)
    assert sorted(done) == list(range(len(graph)))
    assert all(done.index(p) < done.index(n) for n in range(len(graph)) for p in graph.predecessors[n])
    assert canvas.refused == 0


@given(acyclic(), chances())
def test_doubled_messages_change_nothing(depends_on: Dependencies, rnd: random.Random):
    graph = Graph.make(depends_on)
    done = forward(graph).run(rnd, doubled=0.3)
    assert sorted(done) == list(range(len(graph)))
    assert all(done.index(p) < done.index(n) for n in range(len(graph)) for p in graph.predecessors[n])


@given(acyclic(), chances())
def test_a_residual_graph_runs_the_same_way(depends_on: Dependencies, rnd: random.Random):
    graph = Graph.make(depends_on)
    before = forward(graph).run(rnd)
    kept = set(before[: rnd.randrange(len(before) + 1)])
    canvas = forward(graph)
    canvas.done = list(kept)
    canvas.unmet = graph.residual(set(range(len(graph))) - kept)
    assert sorted(canvas.run(rnd)) == list(range(len(graph)))
    assert canvas.refused == 0


@given(acyclic(), chances())
def test_a_rollback_undoes_each_once_and_in_reverse(depends_on: Dependencies, rnd: random.Random):
    graph = Graph.make(depends_on)
    to_undo = {n for n in range(len(graph)) if rnd.random() < 0.6}
    nodes = undo_order(graph, to_undo)
    found = undo_routes(nodes, {n: Hop(n, "undo") for n in to_undo})
    canvas = Canvas(
        found, {n: node.unmet for n, node in nodes.items()}, {n: node.releases for n, node in nodes.items()}
    )
    undone = canvas.run(rnd)
    assert set(undone) == to_undo
    assert len(undone) == len(to_undo)
    for n in to_undo:
        assert all(undone.index(later) < undone.index(n) for later in graph.descendants(n) & to_undo)
    assert canvas.refused == 0
