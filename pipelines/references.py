"""`${path}` references: their grammar, and what a path means to a step.

A path is a name followed by fields and indexes: `steps.create_order.output.items[0].price`, `quote.id`,
`labels['a key']`. Its first name is a reserved root or, for short, a bare name: a key of the outputs of the steps
before (in listed order, the later wins), else of the context.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pipelines.errors import ExpressionError

Path = tuple[str | int, ...]

RESERVED_ROOTS = frozenset({"context", "steps", "execution", "tenant", "event", "item", "index"})
"""Names that cannot be inputs."""

_ROOT = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_PART = re.compile(
    r"""\.(?P<field>[A-Za-z0-9_][\w-]*) | \[(?P<index>\d{1,9})\] | \['(?P<single>[^']*)'\] | \["(?P<double>[^"]*)"\]""",
    re.ASCII | re.VERBOSE,
)
_TEMPLATE = re.compile(r"\$\$\{|\$\{([^}]*)(\})?")
_ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a step sees when its references are resolved.

    `outputs`: of the step's ancestors by name, in listed order; None for one that was skipped or failed.
    `declared`: the inputs declared in the definition; one not given is null. `item` and `index` exist only in
    a step that runs once per element.
    """

    context: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()
    execution: Mapping[str, Any] = field(default_factory=dict)
    tenant: Mapping[str, Any] = field(default_factory=dict)
    event: Any = None
    item: Any = _ABSENT
    index: Any = _ABSENT

    def find(self, path: Path) -> Any:
        """The value at a path; a path into null is null. Raises ExpressionError for one that is not known."""
        if path[0] == "steps":
            return self._step(path)
        if path[0] == "context" and len(path) > 1:
            return _descend(self._input(path), path, 2)
        return _descend(self._root(path), path, 1)

    def has(self, path: Path) -> bool:
        """Whether the last field of a path exists; not so below null. What it is a field of has to be known."""
        if path == ("steps", path[-1]):
            return path[-1] in self.outputs
        if path[:-1] == ("context",):
            # An input that was not given is null.
            return self.context.get(str(path[-1])) is not None
        holder = self.find(path[:-1])
        if isinstance(holder, Mapping):
            return path[-1] in holder
        return isinstance(holder, list) and isinstance(path[-1], int) and path[-1] < len(holder)

    def _step(self, path: Path) -> Any:
        if len(path) == 1:
            return {name: {"output": output} for name, output in self.outputs.items()}
        if path[1] not in self.outputs or path[2:3] not in ((), ("output",)):
            raise unknown(path)
        output = self.outputs[str(path[1])]
        return _descend(output, path, 3) if len(path) > 2 else {"output": output}  # noqa: PLR2004 - steps.NAME.output

    def _input(self, path: Path) -> Any:
        name = path[1]
        if name in self.context:
            return self.context[str(name)]
        if name in self.declared:
            return None
        raise unknown(path)

    def _root(self, path: Path) -> Any:
        name = str(path[0])
        if name in RESERVED_ROOTS:
            value = getattr(self, name)
            if value is _ABSENT:
                raise unknown(path)
            return dict(value) if isinstance(value, Mapping) and len(path) == 1 else value
        for output in reversed(list(self.outputs.values())):
            if isinstance(output, Mapping) and name in output:
                return output[name]
        if name in self.context:
            return self.context[name]
        # A step that was skipped might have given it: a path into its null output is null.
        if name in self.declared or None in self.outputs.values():
            return None
        raise unknown(path)


def parse_path(text: str) -> Path:
    """A path from its text. Raises ExpressionError."""
    text = text.strip()
    root = _ROOT.match(text)
    if root is None:
        msg = f"{_quoted(text)} is not a path"
        raise ExpressionError(msg)
    path: list[str | int] = [root.group()]
    at = root.end()
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            msg = f"{_quoted(text)} is not a path"
            raise ExpressionError(msg)
        key = next(group for group in part.groups() if group is not None)
        path.append(int(key) if part["index"] else key)
        at = part.end()
    return tuple(path)


@lru_cache(maxsize=4096)
def parse_template(text: str) -> tuple[str | Path, ...]:
    """A string as literal pieces and paths, in order; `$${` is a literal `${`. Raises ExpressionError."""
    pieces: list[str | Path] = []
    literal, at = "", 0
    for match in _TEMPLATE.finditer(text):
        literal += text[at : match.start()]
        at = match.end()
        if match.group() == "$${":
            literal += "${"
            continue
        if match.group(2) is None:
            msg = "${ without its }"
            raise ExpressionError(msg)
        if literal:
            pieces.append(literal)
            literal = ""
        pieces.append(parse_path(match.group(1)))
    if literal + text[at:] or not pieces:
        pieces.append(literal + text[at:])
    return tuple(pieces)


def resolve(template: Any, scope: Scope) -> Any:
    """A template with its references replaced, through objects and lists.

    A string that is exactly one reference becomes that value with its type. In longer text null is nothing, true and
    false are those words, numbers, objects and lists are JSON. Raises ExpressionError.
    """
    if isinstance(template, str):
        pieces = parse_template(template)
        if len(pieces) == 1:
            return scope.find(pieces[0]) if isinstance(pieces[0], tuple) else pieces[0]
        return "".join(p if isinstance(p, str) else _as_text(scope.find(p)) for p in pieces)
    if isinstance(template, Mapping):
        return {key: resolve(value, scope) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [resolve(value, scope) for value in template]
    return template


def template_paths(template: Any) -> Iterator[Path]:
    """Every path that a template refers to. Raises ExpressionError at one that cannot be read."""
    if isinstance(template, str):
        yield from (piece for piece in parse_template(template) if isinstance(piece, tuple))
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from template_paths(value)
    elif isinstance(template, list | tuple):
        for value in template:
            yield from template_paths(value)


def path_text(path: Path) -> str:
    """A path as people write it."""
    text = str(path[0])
    for part in path[1:]:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if re.fullmatch(r"[\w-]+", part, re.ASCII) else f"['{part}']"
    return text


def unknown(path: Path) -> ExpressionError:
    return ExpressionError(f"unknown path {path_text(path)}")


def _descend(value: Any, path: Path, start: int) -> Any:
    for part in path[start:]:
        if value is None:
            return None
        if isinstance(value, Mapping) and str(part) in value:
            value = value[str(part)]
        elif isinstance(value, list) and str(part).isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            raise unknown(path)
    return value


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _quoted(text: str) -> str:
    return "${" + (text if len(text) <= 80 else text[:80] + "...") + "}"  # noqa: PLR2004 - what fits a line
