"""The dependency graph of a workflow's steps.

Steps are numbered topologically when the graph is made (a step's number is greater than those of all that it depends
on; ties go by listed order), and everything after that speaks of numbers. Row locks taken in number order never
deadlock.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pipelines.definition import Step

_NEW, _OPEN, _DONE = range(3)


@dataclass(frozen=True, slots=True)
class Graph:
    """An acyclic graph of steps, by number.

    `names[n]` is the name of step n, `numbers` the reverse, `listed[n]` its place in the definition's list.
    """

    names: tuple[str, ...]
    numbers: Mapping[str, int]
    listed: tuple[int, ...]
    predecessors: tuple[tuple[int, ...], ...]
    successors: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Graph:
        """The graph of steps in listed order."""
        return cls.make({step.name: step.depends_on for step in steps})

    @classmethod
    def make(cls, depends_on: Mapping[str, Sequence[str]]) -> Graph:
        """The graph of names, in listed order, with what each depends on.

        Raises ValueError naming a cycle's members, or a dependency that does not exist.
        """
        listed = list(depends_on)
        place = {name: index for index, name in enumerate(listed)}
        dependencies = [_places(name, depends_on[name], place) for name in listed]
        order = _topological(dependencies)
        if len(order) < len(listed):
            cycles = "; ".join(" -> ".join((*cycle, cycle[0])) for cycle in find_cycles(depends_on))
            msg = f"steps depend on each other: {cycles}"
            raise ValueError(msg)
        number_at = {index: number for number, index in enumerate(order)}
        predecessors = tuple(tuple(sorted(number_at[d] for d in dependencies[index])) for index in order)
        names = tuple(listed[index] for index in order)
        return cls(
            names=names,
            numbers={name: number for number, name in enumerate(names)},
            listed=tuple(order),
            predecessors=predecessors,
            successors=_reversed(predecessors),
        )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def roots(self) -> tuple[int, ...]:
        """Steps that depend on nothing."""
        return tuple(n for n, before in enumerate(self.predecessors) if not before)

    @property
    def sinks(self) -> tuple[int, ...]:
        """Steps on which nothing depends: the execution ends when all of them have."""
        return tuple(n for n, after in enumerate(self.successors) if not after)

    def ancestors(self, number: int) -> frozenset[int]:
        """All steps that come before this one by dependency."""
        return _reach(number, self.predecessors)

    def descendants(self, number: int) -> frozenset[int]:
        """All steps that come after this one by dependency."""
        return _reach(number, self.successors)

    def residual(self, pending: AbstractSet[int]) -> dict[int, int]:
        """For each step still to be done, how many of its dependencies are still to be done as well."""
        return {n: sum(p in pending for p in self.predecessors[n]) for n in sorted(pending)}

    def ancestor_bits(self) -> list[int]:
        """The ancestors of every step at once, as bit sets: bit p of entry n says whether p comes before n."""
        bits: list[int] = []
        for before in self.predecessors:
            mask = 0
            for p in before:
                mask |= bits[p] | 1 << p
            bits.append(mask)
        return bits


def find_cycles(depends_on: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Cycles with no member in common, each in the order "depends on"; empty when there is none.

    Every cyclic graph yields at least one. Names that do not exist are passed over.
    """
    state = dict.fromkeys(depends_on, _NEW)
    reported: set[str] = set()
    cycles: list[tuple[str, ...]] = []
    for start in depends_on:
        if state[start] != _NEW:
            continue
        path: list[str] = [start]
        state[start] = _OPEN
        open_edges: list[Iterator[str]] = [iter(depends_on[start])]
        while path:
            target = next(open_edges[-1], None)
            if target is None:
                open_edges.pop()
                state[path.pop()] = _DONE
            elif state.get(target) == _NEW:
                state[target] = _OPEN
                path.append(target)
                open_edges.append(iter(depends_on[target]))
            elif state.get(target) == _OPEN and target not in reported:
                cycle = tuple(path[path.index(target) :])
                if reported.isdisjoint(cycle):
                    reported.update(cycle)
                    cycles.append(cycle)
    return cycles


def bits_of(mask: int) -> Iterator[int]:
    """The numbers in a bit set, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _places(name: str, dependencies: Sequence[str], place: Mapping[str, int]) -> set[int]:
    unknown = [d for d in dependencies if d not in place]
    if unknown:
        msg = f"{name} depends on {unknown[0]}, which does not exist"
        raise ValueError(msg)
    return {place[d] for d in dependencies}


def _topological(dependencies: Sequence[AbstractSet[int]]) -> list[int]:
    """Indexes in dependency order, of those possible always the lowest first; members of cycles are left out."""
    dependents: list[list[int]] = [[] for _ in dependencies]
    for index, before in enumerate(dependencies):
        for d in before:
            dependents[d].append(index)
    unmet = [len(before) for before in dependencies]
    ready = [index for index, count in enumerate(unmet) if not count]
    order: list[int] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for dependent in dependents[index]:
            unmet[dependent] -= 1
            if not unmet[dependent]:
                heapq.heappush(ready, dependent)
    return order


def _reversed(edges: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    back: list[list[int]] = [[] for _ in edges]
    for n, targets in enumerate(edges):
        for target in targets:
            back[target].append(n)
    return tuple(tuple(sources) for sources in back)


def _reach(start: int, edges: Sequence[Sequence[int]]) -> frozenset[int]:
    seen: set[int] = set()
    stack = list(edges[start])
    while stack:
        n = stack.pop()
        if n not in seen:
            seen.add(n)
            stack.extend(edges[n])
    return frozenset(seen)
