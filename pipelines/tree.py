"""A whole workflow's canvas as nested text for people: `chain(a, chord([b, c], d))`.

The text is for reading only; what is sent is made by `pipelines.plan.segments`.

Method: drop the dependencies that others imply, then fold from the inside out: two steps of which the first leads only
to the second and the second follows only the first become a chain; steps with the same dependencies and the same
dependents become a group. A series-parallel graph folds into one term. What is left of any other is drawn in levels
(each step as early as its dependencies allow): every step is named once and none stands before one that it depends on,
but a level may look like a barrier, which the engine never makes of it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from pipelines.graph import Graph, bits_of


@dataclass(slots=True)
class _Term:
    """A folded part: `parts` one after the other, each a text or the texts of a group side by side."""

    parts: list[str | list[str]] = field(default_factory=list)

    def members(self) -> list[str]:
        """What this term adds to a group."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, list) else [self.text()]

    def text(self) -> str:
        words: list[str] = []
        parts = iter(self.parts)
        for part in parts:
            if isinstance(part, str):
                words.append(part)
                continue
            body = next(parts, None)
            while isinstance(body, list):
                words.append(f"group({', '.join(part)})")
                part, body = body, next(parts, None)  # noqa: PLW2901 - the group that follows takes its turn
            listed = ", ".join(part)
            words.append(f"group({listed})" if body is None else f"chord([{listed}], {body})")
        return words[0] if len(words) == 1 else f"chain({', '.join(words)})"


def tree(graph: Graph) -> str:
    """The whole graph as text; empty for no steps."""
    if not len(graph):
        return ""
    folding = _Folding(graph)
    folding.run()
    components = folding.levels()
    return _group(components).text()


def _group(terms: list[_Term]) -> _Term:
    if len(terms) == 1:
        return terms[0]
    return _Term([[member for term in terms for member in term.members()]])


class _Folding:
    """The graph while it is folded. `before` and `after` are bit sets of direct neighbours, by number."""

    def __init__(self, graph: Graph) -> None:
        self.terms = {n: _Term([name]) for n, name in enumerate(graph.names)}
        self.before = _reduced(graph)
        self.after = [0] * len(graph)
        for n, mask in enumerate(self.before):
            for p in bits_of(mask):
                self.after[p] |= 1 << n

    def run(self) -> None:
        """Fold until nothing folds any more: each fold removes a node, and only its neighbours are looked at again."""
        twins: dict[tuple[int, int], int] = {}
        queue = list(range(len(self.before) - 1, -1, -1))
        while queue:
            n = queue.pop()
            if n not in self.terms:
                continue
            self._chain_from(n, queue)
            key = (self.before[n], self.after[n])
            twin = twins.get(key)
            if twin is None or twin == n or twin not in self.terms or (self.before[twin], self.after[twin]) != key:
                twins[key] = n
                continue
            first, second = min(n, twin), max(n, twin)
            twins[key] = first
            self._beside(first, second, queue)

    def _chain_from(self, n: int, queue: list[int]) -> None:
        """Fold into n what follows it alone, and n into what leads to it alone."""
        while _single(self.after[n]):
            following = self.after[n].bit_length() - 1
            if self.before[following] != 1 << n:
                break
            self._follow(n, following)
            queue.extend(bits_of(self.after[n]))
        if _single(self.before[n]) and self.after[self.before[n].bit_length() - 1] == 1 << n:
            queue.append(self.before[n].bit_length() - 1)

    def _follow(self, first: int, second: int) -> None:
        self.after[first] = self.after[second]
        for n in bits_of(self.after[second]):
            self.before[n] ^= 1 << first | 1 << second
        self.terms[first].parts.extend(self.terms.pop(second).parts)

    def _beside(self, first: int, second: int, queue: list[int]) -> None:
        for n in bits_of(self.before[second]):
            self.after[n] ^= 1 << second
            queue.append(n)
        for n in bits_of(self.after[second]):
            self.before[n] ^= 1 << second
            queue.append(n)
        self.terms[first] = _group([self.terms[first], self.terms.pop(second)])
        queue.append(first)

    def levels(self) -> list[_Term]:
        """What did not fold, one term per connected part, each in levels."""
        depth: dict[int, int] = {}
        for n in sorted(self.terms):
            depth[n] = 1 + max((depth[p] for p in bits_of(self.before[n])), default=-1)
        terms: list[_Term] = []
        for component in self._components():
            rows: dict[int, list[_Term]] = defaultdict(list)
            for n in component:
                rows[depth[n]].append(self.terms[n])
            terms.append(_Term([part for level in sorted(rows) for part in _group(rows[level]).parts]))
        return terms

    def _components(self) -> list[list[int]]:
        left = set(self.terms)
        found: list[list[int]] = []
        for start in sorted(self.terms):
            if start not in left:
                continue
            left.discard(start)
            component, stack = [start], [start]
            while stack:
                n = stack.pop()
                near = [m for m in bits_of(self.before[n] | self.after[n]) if m in left]
                left.difference_update(near)
                component.extend(near)
                stack.extend(near)
            found.append(sorted(component))
        return found


def _single(mask: int) -> bool:
    return mask != 0 and mask & (mask - 1) == 0


def _reduced(graph: Graph) -> list[int]:
    """Direct dependencies as bit sets, without those that another dependency implies."""
    ancestors = graph.ancestor_bits()
    reduced: list[int] = []
    for before in graph.predecessors:
        implied = mask = 0
        for p in sorted(before, reverse=True):
            if not implied >> p & 1:
                mask |= 1 << p
            implied |= ancestors[p]
        reduced.append(mask)
    return reduced
