from __future__ import annotations

import pytest
from hypothesis import given

from pipelines.definition import Step, StepType
from pipelines.graph import Graph, find_cycles
from tests.pipelines.graphs import Dependencies, acyclic

DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}


def test_a_diamond_by_number():
    graph = Graph.make(DIAMOND)
    assert graph.names == ("a", "b", "c", "d")
    assert graph.predecessors == ((), (0,), (0,), (1, 2))
    assert graph.successors == ((1, 2), (3,), (3,), ())
    assert (graph.roots, graph.sinks) == ((0,), (3,))
    assert graph.ancestors(3) == {0, 1, 2}
    assert graph.descendants(0) == {1, 2, 3}


def test_a_step_listed_before_its_dependency_has_the_greater_number():
    graph = Graph.make({"late": ["early"], "early": []})
    assert graph.names == ("early", "late")
    assert graph.listed == (1, 0)


def test_steps_make_a_graph():
    steps = [Step("a", StepType.TRANSFORM), Step("b", StepType.TRANSFORM, depends_on=("a",))]
    assert Graph.of(steps).predecessors == ((), (0,))


def test_a_dependency_named_twice_counts_once():
    assert Graph.make({"a": [], "b": ["a", "a"]}).predecessors == ((), (0,))


def test_the_residual_counts_what_is_still_to_be_done():
    assert Graph.make(DIAMOND).residual({1, 3}) == {1: 0, 3: 1}


def test_a_cycle_is_named():
    with pytest.raises(ValueError, match="b -> c -> b"):
        Graph.make({"a": [], "b": ["a", "c"], "c": ["b"]})


def test_a_dependency_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="b depends on nowhere"):
        Graph.make({"b": ["nowhere"]})


def test_cycles_with_no_common_member_are_all_found():
    cycles = find_cycles({"a": ["b"], "b": ["a"], "c": ["c"], "d": ["a", "c", "gone"]})
    assert [set(cycle) for cycle in cycles] == [{"a", "b"}, {"c"}]


def test_a_long_chain_listed_backwards():
    graph = Graph.make({f"s{i}": [f"s{i - 1}"] if i else [] for i in reversed(range(1000))})
    assert graph.names == tuple(f"s{i}" for i in range(1000))
    assert not find_cycles({f"s{i}": [f"s{i - 1}"] if i else [] for i in reversed(range(1000))})


@given(acyclic())
def test_numbers_are_topological_and_follow_the_list_where_they_may(depends_on: Dependencies):
    graph = Graph.make(depends_on)
    listed = list(depends_on)
    done: set[str] = set()
    for number, name in enumerate(graph.names):
        possible = [n for n in listed if n not in done and done.issuperset(depends_on[n])]
        assert name == possible[0]
        assert {graph.names[p] for p in graph.predecessors[number]} == set(depends_on[name])
        assert graph.numbers[name] == number
        assert listed[graph.listed[number]] == name
        done.add(name)
    assert not find_cycles(depends_on)


@given(acyclic())
def test_ancestors_are_the_same_one_by_one_and_all_at_once(depends_on: Dependencies):
    graph = Graph.make(depends_on)
    for number, bits in enumerate(graph.ancestor_bits()):
        assert {p for p in range(len(graph)) if bits >> p & 1} == graph.ancestors(number)
        assert all(number in graph.descendants(p) for p in graph.ancestors(number))


@given(acyclic())
def test_a_back_edge_makes_a_cycle_that_is_found(depends_on: Dependencies):
    graph = Graph.make(depends_on)
    for number in range(len(graph)):
        for descendant in graph.descendants(number):
            first, last = graph.names[number], graph.names[descendant]
            broken = {**depends_on, first: [*depends_on[first], last]}
            (cycle, *_) = find_cycles(broken)
            assert all(cycle[(i + 1) % len(cycle)] in broken[name] for i, name in enumerate(cycle))
