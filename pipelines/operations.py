"""What steps may call: operations, registered by decorator in a catalogue.

A room makes its own catalogue, the factory joins them; nothing is found by scanning::

    OPERATIONS = Catalogue()


    @OPERATIONS.operation("sales_service.create_tenant", undone_by="sales_service.delete_tenant")
    def create_tenant(call: Call, *, order_id: int) -> dict[str, Any]:
        ...
        call.effect("tenant", str(tenant.id), f"Tenant {tenant.slug}", undo={"tenant_id": str(tenant.id)})
        return {"tenant_id": str(tenant.id), "tenant": {...}}
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar, get_type_hints
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from pipelines.definition import RetryPolicy
from pipelines.errors import DuplicateOperation, StepFailed

NAME = re.compile(r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")

DEFAULT_QUEUE = "turnup"
"""The queue of steps whose operation names none."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effect:
    """Something a step changed, as the ledger keeps it.

    `kind` names the sort of thing ("tenant", "deployment"), `reference` the thing itself in its `system`, `summary` says it
    in words. `undo` are the parameters of the operation's compensation for this effect; None: it cannot be undone.
    """

    kind: str
    reference: str
    summary: str
    system: str = "turnup"
    undo: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """What an operation that `starts` an execution returns: the step waits until that has ended.

    `is_own`: nobody else began it; it becomes a child of the step's execution, begins with it, is stopped and undone with it. One
    that somebody else began is only waited for. Events about `subject` ("order/42") let the step look again at once.
    """

    execution_id: int
    is_own: bool = True
    subject: str | None = None


class Call(Protocol):
    """What an operation is given besides its parameters."""

    @property
    def session(self) -> Any:
        """The database session whose transaction holds the step's effects, output, status and events."""

    @property
    def owner_id(self) -> UUID:
        """The tenant whose execution this is; the session sees only its rows."""

    @property
    def execution_id(self) -> int: ...

    @property
    def correlation_id(self) -> str | None: ...

    @property
    def step_name(self) -> str: ...

    @property
    def attempt(self) -> int:
        """1 for the first attempt."""

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this step of this execution, and for no other."""

    def transaction(self) -> AbstractContextManager[Any]:
        """A short transaction of its own, committed at its end: what is to be read, or seen, before an outside call."""

    def now(self) -> datetime:
        """Business time, aware UTC."""

    def effect(
        self, kind: str, reference: str, summary: str, *, system: str = "turnup", undo: Mapping[str, Any] | None = None
    ) -> None:
        """Record an effect in the ledger, in the step's own transaction. An intended effect of that kind is confirmed."""

    def port(self, kind: type[T]) -> T:
        """The adapter or registry of that type which the factory wired. Raises LookupError when there is none."""


class Intend(Protocol):
    """Names the effects an operation of the lease form is about to have; called in the claim's transaction."""

    def __call__(self, call: Call, params: Mapping[str, Any]) -> Iterable[Effect]: ...


Find = Callable[..., Mapping[str, Any] | None]
"""`find(call, **params)`, as the operation itself is called: the output of an attempt that got through, else None.

Of an operation that `starts` an execution: the output once that has come to its end, None while it goes on.
"""

Read = Callable[[Call, Mapping[str, Any]], Mapping[str, Any] | None]
"""`read(call, reference)`: the resource that an output showed, as it is now; None when there is no such thing any more."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A callable that a step may name.

    `lease`: it talks to the outside, takes long, or is to be seen while it runs: claim, call and completion are separate
    transactions. Otherwise everything is one transaction with the step's commit.
    `undone_by`: the operation that undoes one of its effects, called with that effect's `undo` parameters.
    `timeout_seconds`: per attempt. `queue`: the Celery queue, None for the default one.
    `finds`: asked before another attempt is made when it is not known whether an earlier one got through (lease only).
    `starts`: it may return `Started` instead of an output: the step then waits, and `finds` tells its output.
    `integration`: the outside system it needs; one that is dead or busy holds back the steps that need it.
    `moves_money`: another attempt is made only once it is known that none got through.
    `resource`: the noun under which its output holds a resource that can be read again (`Catalogue.reader`).
    """

    name: str
    function: Callable[..., Mapping[str, Any] | Started | None]
    parameters: type[BaseModel]
    undone_by: str | None = None
    lease: bool = False
    intends: Intend | None = None
    retry: RetryPolicy | None = None
    timeout_seconds: float | None = None
    queue: str | None = None
    effects: bool = False
    finds: Find | None = None
    starts: bool = False
    integration: str | None = None
    moves_money: bool = False
    resource: str | None = None
    description: str = ""

    @property
    def schema(self) -> dict[str, Any]:
        """The parameters as JSON Schema."""
        schema = self.parameters.model_json_schema()
        schema.pop("title", None)
        return schema

    def bind(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Validate and coerce parameters.

        Raises StepFailed (permanent) naming each wrong parameter; the values themselves are not repeated.
        """
        try:
            model = self.parameters.model_validate(dict(params))
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
            raise StepFailed(f"{self.name}: {faults}", permanent=True) from None
        return {name: getattr(model, name) for name in self.parameters.model_fields if name in model.model_fields_set}


def _parameters(name: str, function: Callable[..., Any]) -> type[BaseModel]:
    hints = get_type_hints(function)
    fields: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            msg = f"{name}: parameter {parameter.name} must be keyword-only"
            raise TypeError(msg)
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    return create_model(name, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=False), **fields)


F = TypeVar("F", bound=Callable[..., Mapping[str, Any] | Started | None])
R = TypeVar("R", bound=Read)


@dataclass(slots=True)
class Catalogue:
    """Operations by name, and how resources are read again, by noun.

    A name or noun registered twice raises DuplicateOperation.
    """

    _operations: dict[str, Operation] = field(default_factory=dict)
    _readers: dict[str, Read] = field(default_factory=dict)

    def operation(
        self,
        name: str,
        *,
        undone_by: str | None = None,
        lease: bool = False,
        intends: Intend | None = None,
        retry: RetryPolicy | None = None,
        timeout_seconds: float | None = None,
        queue: str | None = None,
        effects: bool | None = None,
        finds: Find | None = None,
        starts: bool = False,
        integration: str | None = None,
        moves_money: bool = False,
        resource: str | None = None,
    ) -> Callable[[F], F]:
        """Register a function as the operation `name` (`service.method`).

        `effects`: whether it changes anything; default: when it has a compensation. One that changes things and has no
        compensation is warned of when a definition that uses it is saved. The other keywords: see Operation.
        Raises ValueError for keywords that do not go together, DuplicateOperation for a name that is taken.
        """

        def register(function: F) -> F:
            if not NAME.match(name):
                msg = f"an operation is named service.method, not {name!r}"
                raise ValueError(msg)
            if intends is not None and not lease:
                msg = f"{name}: only operations of the lease form intend effects"
                raise ValueError(msg)
            if starts and (lease or finds is None):
                msg = f"{name}: what starts an execution is one transaction, and says by finds what came of it"
                raise ValueError(msg)
            if finds is not None and not (lease or starts):
                msg = f"{name}: only operations of the lease form can be asked whether an attempt got through"
                raise ValueError(msg)
            if moves_money and lease and finds is None:
                msg = f"{name}: an outside call that moves money has to say how to find out whether it did (finds)"
                raise ValueError(msg)
            self.add(
                Operation(
                    name=name,
                    function=function,
                    parameters=_parameters(name, function),
                    undone_by=undone_by,
                    lease=lease,
                    intends=intends,
                    retry=retry,
                    timeout_seconds=timeout_seconds,
                    queue=queue,
                    effects=undone_by is not None if effects is None else effects,
                    finds=finds,
                    starts=starts,
                    integration=integration,
                    moves_money=moves_money,
                    resource=resource,
                    description=inspect.cleandoc(function.__doc__ or ""),
                )
            )
            return function

        return register

    def add(self, operation: Operation) -> None:
        if operation.name in self._operations:
            raise DuplicateOperation(operation.name)
        self._operations[operation.name] = operation

    def resource(self, noun: str) -> Callable[[R], R]:
        """Register how the resource that operations return under `noun` is read again, by a condition that waits, say."""

        def register(read: R) -> R:
            self._add_reader(noun, read)
            return read

        return register

    def reader(self, noun: str) -> Read | None:
        """How a noun is read again; None: nothing registered it."""
        return self._readers.get(noun)

    def _add_reader(self, noun: str, read: Read) -> None:
        if noun in self._readers:
            raise DuplicateOperation(noun)
        self._readers[noun] = read

    def include(self, other: Catalogue) -> None:
        """Take in all operations and readers of another catalogue."""
        for operation in other:
            self.add(operation)
        for noun, read in other._readers.items():
            self._add_reader(noun, read)

    def get(self, name: str) -> Operation | None:
        return self._operations.get(name)

    def __getitem__(self, name: str) -> Operation:
        return self._operations[name]

    def __contains__(self, name: object) -> bool:
        return name in self._operations

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations.values())

    def __len__(self) -> int:
        return len(self._operations)

    def queues(self) -> list[str]:
        """The queues that workers have to listen to: the default one, then those that operations have for themselves."""
        own = {operation.queue for operation in self if operation.queue}
        return [DEFAULT_QUEUE, *sorted(own - {DEFAULT_QUEUE})]

    def services(self) -> set[str]:
        """The service prefixes that exist."""
        return {name.partition(".")[0] for name in self._operations}
