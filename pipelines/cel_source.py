"""CEL source made ready for evaluation: its paths found, null made to propagate, its cost bounded.

CEL itself fails on a field of null; here a path into null is null. So every path of the source that does not begin with
a variable of a macro is replaced by a variable that holds its value, which the references' own rules find; one that
begins with such a variable is guarded in CEL (`x.a.b` becomes `(x == null || x.a == null ? null : x.a.b)`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.errors import ExpressionError
from pipelines.references import Path

MAX_SOURCE = 2000
"""Characters of an expression."""

FUNCTIONS = frozenset(
    {
        *("size", "contains", "startsWith", "endsWith", "matches", "has", "dyn", "type", "min", "max"),
        *("string", "int", "uint", "double", "bytes", "bool", "timestamp", "duration"),
        *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
        *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
    }
)
MACROS = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
HOLDER, KEY = "_v", "_path_"
"""The variable whose fields, key and number, are the values of the paths."""

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<string>[bBrR]{0,2}(?:
        \"\"\"(?:\\.|[^\\])*?\"\"\" | '''(?:\\.|[^\\])*?''' | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
    ))
  | (?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?[uU]?)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<sign>&&|\|\||[<>=!]=|[-+*/%<>!?:,.(){}\[\]])
    """,
    re.ASCII | re.VERBOSE | re.DOTALL,
)
_PLAIN_STRING = re.compile(r"""(['"])([^'"\\]*)\1""")
_WORDS = frozenset({"true", "false", "null", "in"})


@dataclass(frozen=True, slots=True)
class Reference:
    """A path of the source: `has` asks whether its last field exists, otherwise its value is wanted."""

    path: Path
    has: bool = False


@dataclass(frozen=True, slots=True)
class Rewritten:
    """`source` refers to `HOLDER.KEY<i>` for `references[i]`. `macros`: the most that one operand of && and || has."""

    source: str
    references: tuple[Reference, ...]
    macros: int
    tokens: int


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def rewrite(source: str) -> Rewritten:
    """Read a CEL source that is known to parse. Raises ExpressionError for functions that do not exist."""
    return _Rewriter(list(_tokens(source))).run()


def check_length(source: str) -> None:
    """Raise ExpressionError when a source is longer than an expression may be."""
    if len(source) > MAX_SOURCE:
        msg = f"the expression is longer than {MAX_SOURCE} characters"
        raise ExpressionError(msg)


def _tokens(source: str) -> Iterator[_Token]:
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None or match.lastgroup is None:
            msg = f"unexpected character {source[at]!r}"
            raise ExpressionError(msg)
        if match.lastgroup != "space":
            yield _Token(match.lastgroup, match.group())
        at = match.end()


class _Rewriter:
    """One pass over the tokens, knowing which variables the macros around have bound."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.out: list[str] = []
        self.references: dict[Reference, int] = {}
        self.depth = 0
        self.bound: list[tuple[int, str]] = []
        self.macros = self.most_macros = 0

    def run(self) -> Rewritten:
        at = 0
        while at < len(self.tokens):
            at = self._take(at)
        return Rewritten(
            source=" ".join(self.out),
            references=tuple(self.references),
            macros=max(self.macros, self.most_macros),
            tokens=len(self.tokens),
        )

    def _take(self, at: int) -> int:
        token = self.tokens[at]
        if token.kind == "name" and token.text not in _WORDS and not self._is(at - 1, "."):
            return self._function(at) if self._is(at + 1, "(") else self._path(at)
        if token.kind == "name" and self._is(at - 1, ".") and self._is(at + 1, "("):
            return self._method(at)
        if token.text in "([{" and token.kind == "sign":
            self.depth += 1
        elif token.text in ")]}" and token.kind == "sign":
            while self.bound and self.bound[-1][0] == self.depth:
                self.bound.pop()
            self.depth -= 1
        elif token.text in ("&&", "||") and self.depth == 0:
            self.most_macros, self.macros = max(self.most_macros, self.macros), 0
        self.out.append(token.text)
        return at + 1

    def _method(self, at: int) -> int:
        name = self.tokens[at].text
        if name not in MACROS:
            return self._function(at)
        self.macros += 1
        self.out += [name, "("]
        self.depth += 1
        if self._kind(at + 2) == "name" and self._is(at + 3, ","):
            variable = self.tokens[at + 2].text
            self.bound.append((self.depth, variable))
            self.out.append(variable)
            return at + 3
        return at + 2

    def _function(self, at: int) -> int:
        name = self.tokens[at].text
        if name not in FUNCTIONS:
            msg = f"unknown function {name}"
            raise ExpressionError(msg)
        if name == "has":
            return self._has(at)
        if name == "matches":
            self.macros += self.depth > 0
        self.out.append(name)
        return at + 1

    def _has(self, at: int) -> int:
        if self._kind(at + 2) != "name":
            msg = "has() takes a path with a field"
            raise ExpressionError(msg)
        path, end = self._read_path(at + 2)
        if len(path) == 1 or not self._is(end, ")"):
            msg = "has() takes a path with a field"
            raise ExpressionError(msg)
        if self._is_bound(path[0]):
            self.out.append(f"({_nulls(path)} ? false : has({_cel(path)}))")
        else:
            self.out.append(self._variable(Reference(path, has=True)))
        return end + 1

    def _path(self, at: int) -> int:
        path, end = self._read_path(at)
        if not self._is_bound(path[0]):
            self.out.append(self._variable(Reference(path)))
        elif len(path) == 1:
            self.out.append(str(path[0]))
        else:
            self.out.append(f"({_nulls(path)} ? null : {_cel(path)})")
        return end

    def _read_path(self, at: int) -> tuple[Path, int]:
        path: list[str | int] = [self.tokens[at].text]
        at += 1
        while True:
            if self._is(at, ".") and self._kind(at + 1) == "name" and not self._is(at + 2, "("):
                path.append(self.tokens[at + 1].text)
                at += 2
                continue
            key = self._constant(at + 1) if self._is(at, "[") and self._is(at + 2, "]") else None
            if key is None:
                return tuple(path), at
            path.append(key)
            at += 3

    def _constant(self, at: int) -> str | int | None:
        token = self.tokens[at]
        if token.kind == "number" and token.text.isdecimal():
            return int(token.text)
        plain = _PLAIN_STRING.fullmatch(token.text) if token.kind == "string" else None
        return plain.group(2) if plain else None

    def _variable(self, reference: Reference) -> str:
        return f"{HOLDER}.{KEY}{self.references.setdefault(reference, len(self.references))}"

    def _is_bound(self, name: str | int) -> bool:
        return any(variable == name for _, variable in self.bound)

    def _is(self, at: int, text: str) -> bool:
        return 0 <= at < len(self.tokens) and self.tokens[at].kind == "sign" and self.tokens[at].text == text

    def _kind(self, at: int) -> str:
        return self.tokens[at].kind if at < len(self.tokens) and self.tokens[at].text not in _WORDS else ""


def _cel(path: Path) -> str:
    text = str(path[0])
    for part in path[1:]:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if part.isidentifier() else f"['{part}']"
    return text


def _nulls(path: Path) -> str:
    """Whether anything before the last part of the path is null, as CEL."""
    return " || ".join(f"{_cel(path[:length])} == null" for length in range(1, len(path)))
