"""Every small graph there is, each shape once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import groupby, permutations, product

Shape = tuple[tuple[int, ...], ...]
"""For each step what it depends on; a step's number is greater than those of all that it depends on."""


def acyclic(size: int) -> list[Shape]:
    """All acyclic graphs of that many steps, up to the steps' names: 1, 2, 6, 31, 302, 5984 of them."""
    found: dict[tuple[int, ...], Shape] = {}
    for masks in product(*(range(1 << step) for step in range(size))):
        found.setdefault(_canonical(masks), _shape(masks))
    return list(found.values())


def series_parallel(size: int) -> list[Shape]:
    """All graphs of that many steps made by putting parts one after the other and side by side: 1, 2, 5, 15, 48, 167, 602."""
    return [_shape(_joined(part, 0, 0)[0]) for part in _parts(size, but="")]


def _shape(masks: tuple[int, ...]) -> Shape:
    return tuple(tuple(other for other in range(step) if mask >> other & 1) for step, mask in enumerate(masks))


def _canonical(masks: tuple[int, ...]) -> tuple[int, ...]:
    """The same for graphs that differ in their steps' names only: the smallest of the renamed ones.

    Steps are told apart by colours first (what stands before and after them, and before and after those), so that only steps
    of one colour have to be tried in each other's place.
    """
    size = len(masks)
    before = [[other for other in range(size) if masks[step] >> other & 1] for step in range(size)]
    after = [[other for other in range(size) if masks[other] >> step & 1] for step in range(size)]
    colours = [0] * size
    for _ in range(size):
        seen = [
            (colours[step], sorted(colours[o] for o in before[step]), sorted(colours[o] for o in after[step]))
            for step in range(size)
        ]
        order = sorted({repr(each) for each in seen})
        colours = [order.index(repr(each)) for each in seen]
    ranked = sorted(range(size), key=colours.__getitem__)
    classes = [list(group) for _, group in groupby(ranked, key=colours.__getitem__)]
    return min(_renamed(before, [step for part in parts for step in part]) for parts in _arranged(classes))


def _arranged(classes: list[list[int]]) -> Iterator[tuple[tuple[int, ...], ...]]:
    return product(*(tuple(permutations(members)) for members in classes))


def _renamed(before: list[list[int]], order: list[int]) -> tuple[int, ...]:
    place = {step: number for number, step in enumerate(order)}
    return tuple(sum(1 << place[other] for other in before[step]) for step in order)


@cache
def _parts(size: int, *, but: str) -> tuple[object, ...]:
    """Parts as trees: a step, or ("series", ...) or ("parallel", ...) of parts of another kind; those `but` of one kind."""
    if size == 1:
        return ("step",)
    kinds = {"series": lambda: _one_after_the_other(size), "parallel": lambda: _side_by_side(size, (0, 0))}
    return tuple((kind, *parts) for kind, made in kinds.items() if kind != but for parts in made())


def _one_after_the_other(size: int) -> Iterator[tuple[object, ...]]:
    """At least two parts of that many steps in all, none of them a series itself."""
    for first in range(1, size):
        for head in _parts(first, but="series"):
            for rest in _parts(size - first, but="series"):
                yield head, rest
            for tail in _one_after_the_other(size - first):
                yield head, *tail


def _side_by_side(size: int, least: tuple[int, int]) -> Iterator[tuple[object, ...]]:
    """At least two parts, none of them parallel itself; in whatever order they stand it is the same shape, so in one only."""
    for first in range(1, size):
        for index, head in enumerate(_parts(first, but="parallel")):
            here = (first, index)
            if here < least:
                continue
            rest = size - first
            for last, tail in enumerate(_parts(rest, but="parallel")):
                if (rest, last) >= here:
                    yield head, tail
            for more in _side_by_side(rest, here):
                yield head, *more


def _joined(part: object, first: int, before: int) -> tuple[tuple[int, ...], int]:
    """The masks of a part whose first step is number `first` and whose first steps depend on `before`; and its last steps."""
    if not isinstance(part, tuple):
        return (before,), 1 << first
    kind, *members = part
    masks: tuple[int, ...] = ()
    last = 0
    for member in members:
        made, ends = _joined(member, first + len(masks), before)
        masks += made
        if kind == "series":
            before = last = ends
        else:
            last |= ends
    return masks, last
