"""Definition documents as text: JSON, or YAML that means the same.

Only what JSON can say is accepted of YAML: no tags, no anchors and aliases (so no bomb of them), no dates, no YAML 1.1
numbers (`12:30` is a string); a key that stands twice is an error in both.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Hashable
from typing import Any, ClassVar

import yaml

from pipelines.errors import DefinitionError, Fault

MAX_BYTES = 1024 * 1024
"""Size of a definition's text."""


def parse(text: str) -> Any:
    """The document in a text. Raises DefinitionError saying where it cannot be read."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _unreadable(f"the definition is larger than {MAX_BYTES} bytes")
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text, object_pairs_hook=_once, parse_float=_finite, parse_constant=_no_constant)
        return yaml.load(text, Loader=_JsonLoader)  # noqa: S506 - a loader that knows nothing but JSON's types
    except json.JSONDecodeError as error:
        message = f"line {error.lineno}, column {error.colno}: {error.msg}"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        message = f"{place}{error.problem or error.context}"
    except yaml.YAMLError:
        message = "a character that YAML does not allow"
    except RecursionError:
        message = "nested too deeply"
    except ValueError as error:
        message = str(error)
    raise _unreadable(message)


def _unreadable(message: str) -> DefinitionError:
    return DefinitionError([Fault("", message)])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        message = f"the key {twice!r} stands twice"
        raise ValueError(message)
    return made


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        message = f"{digits[:20]} is too large a number"
        raise ValueError(message)
    return number


def _no_constant(word: str) -> Any:
    message = f"{word} is not a number of JSON"
    raise ValueError(message)


class _JsonLoader(yaml.SafeLoader):
    """YAML's syntax with JSON's types."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - typed so where it comes from
    yaml_constructors: ClassVar[dict[Any, Any]] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.MarkedYAMLError(problem="anchors and aliases are not allowed", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: ARG002, FBT001, FBT002
        made: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(problem="a key has to be a string", problem_mark=key_node.start_mark)
            if key in made:
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark)
            made[key] = self.construct_object(value_node, deep=True)
        return made

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        try:
            return int(node.value)
        except ValueError:
            number = float(node.value)
        if not math.isfinite(number):
            raise yaml.MarkedYAMLError(problem="not a number of JSON", problem_mark=node.start_mark)
        return number

    def construct_undefined(self, node: yaml.Node) -> Any:
        raise yaml.MarkedYAMLError(problem=f"the tag {node.tag} is not allowed", problem_mark=node.start_mark)


def _add(tag: str, construct: Callable[[_JsonLoader, Any], Any], pattern: str = "", first: str = "") -> None:
    """Teach the loader a type; `pattern` and its possible first characters tell plain words that are of it."""
    name = f"tag:yaml.org,2002:{tag}"
    _JsonLoader.add_constructor(name, construct)
    if pattern:
        _JsonLoader.add_implicit_resolver(
            name, re.compile(f"^(?:{pattern})$"), ["", *first] if tag == "null" else [*first]
        )


_add("null", lambda _loader, _node: None, "~|null|Null|NULL|", "~nN")
_add("bool", lambda _loader, node: node.value.lower() == "true", "true|True|TRUE|false|False|FALSE", "tTfF")
_add(
    "float",
    _JsonLoader.construct_number,
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?",
    "-+.0123456789",
)
_add("str", lambda loader, node: loader.construct_scalar(node))
_add("seq", lambda loader, node: loader.construct_sequence(node, deep=True))
_add("map", lambda loader, node: loader.construct_mapping(node))
_JsonLoader.add_constructor(None, _JsonLoader.construct_undefined)
