from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.compensation import UndoNode, undo_order, with_elements
from pipelines.graph import Graph
from tests.pipelines.graphs import Dependencies, acyclic, subsets


def test_the_last_is_undone_first():
    graph = Graph.make({"a": [], "b": ["a"], "c": ["b"]})
    assert undo_order(graph, {0, 1, 2}) == {2: UndoNode(0, (1,)), 1: UndoNode(1, (0,)), 0: UndoNode(1, ())}


def test_the_way_runs_through_steps_that_have_nothing():
    graph = Graph.make({"a": [], "skipped": ["a"], "c": ["skipped"]})
    assert undo_order(graph, {0, 2}) == {2: UndoNode(0, (0,)), 0: UndoNode(1, ())}


def test_branches_are_undone_beside_each_other():
    graph = Graph.make({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]})
    nodes = undo_order(graph, {0, 1, 2, 3})
    assert nodes[3].releases == (1, 2)
    assert nodes[0].unmet == 2


def test_elements_are_undone_between_what_came_after_and_what_came_before_with_one_edge_each():
    graph = Graph.make({"a": [], "b": [], "each": ["a", "b"], "c": ["each"], "d": ["each"]})
    elements = range(-300, 0)
    nodes = with_elements(undo_order(graph, {0, 1, 2, 3, 4}), {2: elements})
    assert nodes[2] == UndoNode(2, (0, 1))
    assert {nodes[element] for element in elements} == {UndoNode(1, (2,))}
    assert nodes[0] == nodes[1] == UndoNode(1, ())
    assert len(nodes) == len(graph) + len(elements)


def test_nothing_to_undo():
    assert undo_order(Graph.make({"a": []}), set()) == {}


@given(acyclic(), st.data())
def test_each_step_is_released_by_just_those_that_it_waits_for(depends_on: Dependencies, data: st.DataObject):
    graph = Graph.make(depends_on)
    to_undo = data.draw(subsets(graph))
    nodes = undo_order(graph, to_undo)
    assert set(nodes) == to_undo
    for n in to_undo:
        assert nodes[n].unmet == sum(n in node.releases for node in nodes.values())
        assert nodes[n].releases == tuple(sorted(nearest(graph, n, to_undo)))


def nearest(graph: Graph, start: int, members: set[int]) -> set[int]:
    """The first members on every way back from a step, found by walking."""
    found, stack, seen = set(), list(graph.predecessors[start]), set()
    while stack:
        n = stack.pop()
        if n in members:
            found.add(n)
        elif n not in seen:
            seen.add(n)
            stack.extend(graph.predecessors[n])
    return found
