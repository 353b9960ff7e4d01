"""What was done -> what to undo, in which order.

A rollback runs on the reversed graph of the steps that have something to undo. Paths run through steps that have
nothing (skipped ones, say): with direct dependencies alone, `a -> skipped -> c` would undo a beside c.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pipelines.graph import Graph, bits_of


@dataclass(frozen=True, slots=True)
class UndoNode:
    """A step to undo: `unmet` steps have to be undone before it, and its own undo releases `releases` (by number)."""

    unmet: int
    releases: tuple[int, ...]


def undo_order(graph: Graph, to_undo: AbstractSet[int]) -> dict[int, UndoNode]:
    """The reversed graph of the steps to undo, by number, the later ones first.

    The steps with `unmet` 0 start. `unmet` is the number of nearest descendants in `to_undo`, `releases` are the
    nearest ancestors in it: each step that a step waits for releases it, once.
    """
    later = _nearest(graph.successors, to_undo, range(len(graph) - 1, -1, -1))
    earlier = _nearest(graph.predecessors, to_undo, range(len(graph)))
    return {
        n: UndoNode(unmet=later[n].bit_count(), releases=tuple(bits_of(earlier[n])))
        for n in sorted(to_undo, reverse=True)
    }


def with_elements(nodes: Mapping[int, UndoNode], elements: Mapping[int, Sequence[int]]) -> dict[int, UndoNode]:
    """The same with the elements to undo of some of these steps, by their step.

    A step's undo lets its elements in when its turn has come, and is over after theirs: each element waits for that one act and
    releases that one step, however many steps there are before and after.
    """
    own = {each: UndoNode(unmet=1, releases=(number,)) for number, members in elements.items() for each in members}
    return {**nodes, **own}


def _nearest(edges: Sequence[Sequence[int]], members: AbstractSet[int], order: range) -> list[int]:
    """For each step the first members on each way along the edges, as bit sets."""
    nearest = [0] * len(edges)
    for n in order:
        for target in edges[n]:
            nearest[n] |= 1 << target if target in members else nearest[target]
    return nearest
