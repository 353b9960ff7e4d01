"""What steps say about data: `${...}` templates (see `references`) and CEL expressions.

CEL is evaluated by `common-expression-language` (Rust). Of the two maintained libraries it was chosen over `cel-python`
because it compares numbers across types as CEL prescribes (`1.0 == 1`, `2.5 > 1`, `1.0 in [1]`), where cel-python finds
no overload; it also takes microseconds instead of milliseconds, and deep nesting is a parse error instead of a
RecursionError. It can read nothing but the values given to it: no files, no imports, no attributes. It has no clock or
budget of its own, so the cost is bounded beforehand from the size of the data and the number of loops over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cel

from pipelines.cel_source import HOLDER, KEY, Rewritten, check_length, rewrite
from pipelines.definition import Compensate, Step
from pipelines.errors import ExpressionError
from pipelines.graph import Graph
from pipelines.references import RESERVED_ROOTS, Path, Scope, path_text, resolve, template_paths, unknown

__all__ = [
    "RESERVED_ROOTS",
    "Scope",
    "cel_paths",
    "check_cel",
    "evaluate",
    "holds",
    "path_text",
    "reads",
    "reads_of",
    "resolve",
    "resolve_params",
    "roots",
    "step_paths",
    "template_paths",
]

MAX_COST = 10**7
"""Visits of a value that one evaluation may need at most: about a second."""

_CHARACTERS_PER_VISIT = 16
_MESSAGES: Mapping[type[Exception], str] = {
    TypeError: "no such operation for values of these types",
    OverflowError: "arithmetic overflow",
    ZeroDivisionError: "division by zero",
    IndexError: "index out of bounds",
    KeyError: "unknown key",
}
_OTHERWISE = "cannot be evaluated with these values"


@dataclass(frozen=True, slots=True)
class _Expression:
    source: str
    program: cel.Program
    rewritten: Rewritten


def evaluate(source: str, scope: Scope) -> Any:
    """The value of a CEL expression. Raises ExpressionError: it cannot be read, fails, or would cost too much."""
    expression = _compiled(source)
    values: dict[str, Any] = {}
    for number, reference in enumerate(expression.rewritten.references):
        try:
            value = scope.has(reference.path) if reference.has else scope.find(reference.path)
        except ExpressionError:
            # Not an error yet: `has(a.b) && a.b > 1` and `true || a.b` never ask for it. If CEL does, it misses it.
            continue
        values[f"{KEY}{number}"] = value
    _check_cost(expression.rewritten, values)
    return _execute(expression, values)


def holds(source: str, scope: Scope) -> bool:
    """Whether a condition is true; null counts as false. Raises ExpressionError, also for any other value."""
    value = evaluate(source, scope)
    if value is None or isinstance(value, bool):
        return bool(value)
    msg = f"{source}: the value is neither true nor false"
    raise ExpressionError(msg)


def check_cel(source: str) -> None:
    """Raise ExpressionError when a source is not a CEL expression that can be evaluated."""
    _compiled(source)


def cel_paths(source: str) -> set[Path]:
    """Every path that a CEL expression refers to. Raises ExpressionError."""
    return {reference.path for reference in _compiled(source).rewritten.references}


def resolve_params(
    params: Mapping[str, Any], scope: Scope, *, step_name: str, optional: AbstractSet[str] = frozenset()
) -> dict[str, Any]:
    """A step's parameters, resolved. One that is `optional` and null is left out.

    Raises ExpressionError naming step and parameter.
    """
    resolved: dict[str, Any] = {}
    for name, template in params.items():
        try:
            value = resolve(template, scope)
        except ExpressionError as error:
            msg = f"step {step_name}, parameter {name}: {error}"
            raise ExpressionError(msg) from None
        if value is not None or name not in optional:
            resolved[name] = value
    return resolved


def step_paths(step: Step) -> set[Path]:
    """Every path that a step refers to, in templates and expressions."""
    compensation = step.compensate.params if isinstance(step.compensate, Compensate) else {}
    timing = [step.for_each, step.seconds, step.until, step.prompt]
    paths = set(template_paths([step.params, step.output, compensation, step.context, timing]))
    for source in (step.when, step.condition, step.match):
        if source is not None:
            paths |= cel_paths(source)
    return paths


def roots(paths: Iterable[Path]) -> set[str]:
    """The first names of paths."""
    return {str(path[0]) for path in paths}


def reads(step: Step, graph: Graph) -> set[str]:
    """The ancestors whose outputs a step may need."""
    paths = step_paths(step)
    if not paths:
        return set()
    return _named(paths, {graph.names[n] for n in graph.ancestors(graph.numbers[step.name])})


def reads_of(step: Step, before: AbstractSet[str]) -> set[str]:
    """Which of the steps before a step it may need the outputs of: those it names, all of them when it uses a bare name.

    A bare name needs all, also when an input has it: an output of that name comes before the input. `context.x` needs
    none.
    """
    return _named(step_paths(step), before)


def _named(paths: set[Path], before: AbstractSet[str]) -> set[str]:
    if any(path[0] not in RESERVED_ROOTS or path == ("steps",) for path in paths):
        return set(before)
    return {str(path[1]) for path in paths if path[0] == "steps"} & before


@lru_cache(maxsize=4096)
def _compiled(source: str) -> _Expression:
    check_length(source)
    try:
        # The source as it was written first, so that a complaint speaks of what people wrote.
        cel.compile(source)
        rewritten = rewrite(source)
        return _Expression(source, cel.compile(rewritten.source), rewritten)
    except ExpressionError as error:
        msg = f"{source}: {error}"
        raise ExpressionError(msg) from None
    except ValueError as error:
        _, _, detail = str(error).partition("ERROR: <input>:")
        detail = detail.splitlines()[0].partition(" expecting ")[0] if detail else "cannot be parsed"
        msg = f"{source}: not a CEL expression ({detail})"
        raise ExpressionError(msg) from None


def _check_cost(rewritten: Rewritten, values: Mapping[str, Any]) -> None:
    """The work is at most polynomial: every macro loops over what is there, with a linear operation inside."""
    if not rewritten.macros:
        return
    exponent = rewritten.macros + 1
    # Floats do: only the order of magnitude matters.
    allowed = int(MAX_COST ** (1 / exponent)) - rewritten.tokens
    if allowed < 0 or _size(values, limit=allowed) > allowed:
        msg = "the expression would cost too much: fewer loops, or less data"
        raise ExpressionError(msg)


def _size(value: Any, *, limit: int) -> int:
    """Visits needed to see all of a value; stops counting past the limit."""
    count, stack = 0, [value]
    while stack and count <= limit:
        current = stack.pop()
        count += 1
        if isinstance(current, str):
            count += len(current) // _CHARACTERS_PER_VISIT
        elif isinstance(current, Mapping):
            stack.extend(current.values())
        elif isinstance(current, list | tuple):
            stack.extend(current)
    return count


def _execute(expression: _Expression, values: dict[str, Any]) -> Any:
    try:
        return expression.program.execute({HOLDER: values})
    except Exception as error:  # noqa: BLE001 - the library raises many types, all of them the expression's fault
        raise _explained(expression, error) from None
    except BaseException as error:
        # A panic of the library is no reason to take the worker down.
        if type(error).__name__ != "PanicException":
            raise
        raise _explained(expression, error) from None


def _explained(expression: _Expression, error: BaseException) -> ExpressionError:
    """In our words, without the values that the library puts into its messages."""
    if isinstance(error, KeyError) and error.args:
        for number, reference in enumerate(expression.rewritten.references):
            if error.args[0] == f"{KEY}{number}":
                return ExpressionError(f"{expression.source}: {unknown(reference.path)}")
    reason = next((text for kind, text in _MESSAGES.items() if isinstance(error, kind)), _OTHERWISE)
    return ExpressionError(f"{expression.source}: {reason}")
