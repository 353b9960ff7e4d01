"""Graphs for property tests."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

from pipelines.graph import Graph

Dependencies = dict[str, list[str]]


@st.composite
def acyclic(draw: st.DrawFn, largest: int = 14) -> Dependencies:
    """Any acyclic graph, its steps listed in any order."""
    count = draw(st.integers(1, largest))
    # Bit j of a step's number: whether it depends on step j.
    masks = [draw(st.integers(0, 2**i - 1)) for i in range(count)]
    edges = {i: [j for j in range(i) if mask >> j & 1] for i, mask in enumerate(masks)}
    listed = draw(st.permutations(range(count)))
    return {f"s{i}": [f"s{j}" for j in edges[i]] for i in listed}


@st.composite
def series_parallel(draw: st.DrawFn, largest: int = 14) -> Dependencies:
    """A graph made by putting parts one after the other and side by side."""
    made: Dependencies = {}

    def part(count: int, before: list[str]) -> list[str]:
        if count == 1:
            name = f"s{len(made)}"
            made[name] = before
            return [name]
        first = draw(st.integers(1, count - 1))
        if draw(st.booleans()):
            return part(count - first, part(first, before))
        return part(first, before) + part(count - first, before)

    part(draw(st.integers(1, largest)), [])
    return made


def chances() -> st.SearchStrategy[random.Random]:
    """Where the order of things is up to chance."""
    return st.integers(0, 2**32).map(random.Random)


def subsets(graph: Graph) -> st.SearchStrategy[set[int]]:
    return st.sets(st.integers(0, len(graph) - 1))


def before_pairs(graph: Graph) -> set[tuple[str, str]]:
    """Every pair of steps of which the first has to come before the second."""
    return {(graph.names[a], graph.names[n]) for n in range(len(graph)) for a in graph.ancestors(n)}


def transform(name: str, depends_on: list[str], **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "transform", "output": {}, "depends_on": depends_on, **more}
