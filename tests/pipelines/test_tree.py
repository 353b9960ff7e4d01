from __future__ import annotations

import ast

import pytest
from hypothesis import given

from pipelines.graph import Graph
from pipelines.plan import tree
from tests.pipelines.graphs import Dependencies, acyclic, before_pairs, series_parallel

CASES = [
    ({}, ""),
    ({"a": []}, "a"),
    ({"a": [], "b": ["a"]}, "chain(a, b)"),
    ({"a": [], "b": []}, "group(a, b)"),
    ({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}, "chain(a, chord([b, c], d))"),
    ({"a": [], "b": [], "c": ["a", "b"]}, "chord([a, b], c)"),
    ({"a": [], "b": ["a"], "c": ["a"]}, "chain(a, group(b, c))"),
    ({"a": [], "b": ["a"], "c": ["a"], "d": ["b"], "e": ["c", "d"]}, "chain(a, chord([chain(b, d), c], e))"),
    ({"a": [], "b": [], "c": ["a", "b"], "d": ["a", "b"]}, "chain(group(a, b), group(c, d))"),
    ({"a": [], "b": ["a"], "c": ["a", "b"]}, "chain(a, b, c)"),
    ({"a": [], "b": [], "c": ["a"], "d": ["a", "b"]}, "chain(group(a, b), group(c, d))"),
    ({"a": [], "b": [], "c": ["b"]}, "group(a, chain(b, c))"),
]


@pytest.mark.parametrize(("depends_on", "text"), CASES)
def test_the_text_of(depends_on: Dependencies, text: str):
    assert tree(Graph.make(depends_on)) == text


def read(text: str) -> tuple[list[str], set[tuple[str, str]]]:
    """The names in a canvas text, and the pairs that it puts one before the other."""

    def visit(node: ast.expr) -> tuple[list[str], set[tuple[str, str]]]:
        if isinstance(node, ast.Name):
            return [node.id], set()
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        kind, parts = node.func.id, list(node.args)
        if kind == "chord":
            header = parts[0]
            assert isinstance(header, ast.List)
            assert len(header.elts) > 1
            parts[0] = ast.Call(ast.Name("group"), header.elts, [])
        else:
            assert len(parts) > 1
        read_parts = [visit(part) for part in parts]
        pairs = {pair for _, inner in read_parts for pair in inner}
        if kind != "group":
            for at, (names, _) in enumerate(read_parts):
                pairs |= {(a, b) for a in names for later, _ in read_parts[at + 1 :] for b in later}
        return [name for names, _ in read_parts for name in names], pairs

    return visit(ast.parse(text, mode="eval").body)


@given(series_parallel())
def test_a_series_parallel_graph_is_told_exactly(depends_on: Dependencies):
    graph = Graph.make(depends_on)
    names, pairs = read(tree(graph))
    assert sorted(names) == sorted(graph.names)
    assert pairs == before_pairs(graph)


@given(acyclic())
def test_any_graph_names_each_step_once_and_breaks_no_order(depends_on: Dependencies):
    graph = Graph.make(depends_on)
    names, pairs = read(tree(graph))
    assert sorted(names) == sorted(graph.names)
    assert pairs >= before_pairs(graph)


def test_very_deep_nesting_is_no_trouble():
    deep: Dependencies = {}
    before: list[str] = []
    for i in range(500):
        deep[f"a{i}"] = before
        deep[f"b{i}"] = before
        before = [f"b{i}"]
    assert tree(Graph.make(deep)).startswith("group(a0, chain(b0, group(a1, chain(b1,")
