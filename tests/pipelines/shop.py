"""Operations that write down what they do, and fail as they are told, with flows that call them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.definition import Workflow
from pipelines.errors import OutcomeUnknown, StepFailed
from pipelines.loader import load
from pipelines.operations import Call, Catalogue, Effect
from pipelines.testing import Outcome, run

GIVEN = {"choose", "ports", "clock", "event", "events", "approvals", "workflows", "limits"}


class Shop:
    """Each operation fails as often as `failures` says for its name, then no more.

    A payment whose answer is lost `got_through`, or did not.
    """

    def __init__(self) -> None:  # noqa: C901 - seven small functions
        self.got_through = True
        self.failures: dict[str, int] = {}
        self.log: list[str] = []
        self.operations = Catalogue()
        shop = self

        def work(name: str, *, permanent: bool = False) -> None:
            shop.log.append(name)
            if shop.failures.get(name, 0):
                shop.failures[name] -= 1
                raise StepFailed(f"{name} failed", permanent=permanent)

        def intends(_call: Call, params: Any) -> Iterator[Effect]:
            yield Effect("thing", params["name"], "half-made", undo={"name": params["name"]})

        @self.operations.operation("shop_service.make", undone_by="shop_service.unmake")
        def make(call: Call, *, name: str, extra: str | None = None) -> dict[str, Any]:
            work(name)
            call.effect("thing", name, name, undo={"name": name})
            return {"name": name, "thing": {"name": name, "extra": extra}, "at": call.now().isoformat()}

        @self.operations.operation("shop_service.unmake")
        def unmake(_call: Call, *, name: str) -> None:
            work(f"un{name}")

        @self.operations.operation("shop_service.look")
        def look(call: Call, *, name: str) -> dict[str, Any]:
            work(name, permanent=True)
            return {"seen": call.port(str)}

        @self.operations.operation("shop_service.send", effects=True)
        def send(call: Call, *, name: str) -> None:
            work(name)
            call.effect("mail", name, "a mail")

        @self.operations.operation("shop_service.build", undone_by="shop_service.unmake", lease=True, intends=intends)
        def build(call: Call, *, name: str) -> None:
            work(name)
            call.effect("thing", name, name, undo={"name": name})

        def find(call: Call, *, name: str) -> dict[str, Any] | None:
            shop.log.append(f"find {name}")
            if not shop.got_through:
                return None
            call.effect("payment", name, name, undo={"name": name})
            return {"paid": name, "found": True}

        @self.operations.operation("shop_service.pay", undone_by="shop_service.unmake", lease=True, finds=find)
        def pay(call: Call, *, name: str) -> dict[str, Any]:
            shop.log.append(f"{name} {call.idempotency_key}")
            if shop.failures.get(name, 0):
                shop.failures[name] -= 1
                message = "no answer"
                raise OutcomeUnknown(message)
            call.effect("payment", name, name, undo={"name": name})
            return {"paid": name, "found": False}

    def load(self, *steps: dict[str, Any], **more: Any) -> Workflow:
        return load({"name": "flow", "steps": list(steps), **more}, self.operations)

    def run(self, *steps: dict[str, Any], context: dict[str, Any] | None = None, **more: Any) -> Outcome:
        given = {key: more.pop(key) for key in GIVEN & more.keys()}
        return run(self.load(*steps, **more), self.operations, context, **given)


def make(name: str, method: str = "make", **more: Any) -> dict[str, Any]:
    step = {"name": name, "type": "service_call", "service": "shop_service", "method": method}
    return {**step, "params": {"name": name}, **more}


def states(outcome: Outcome) -> dict[str, str]:
    return {name: step.state.value for name, step in outcome.steps.items()}
