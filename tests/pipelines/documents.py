"""Small definition documents to change."""

from __future__ import annotations

from typing import Any


def call(name: str = "a", **more: Any) -> dict[str, Any]:
    step = {"name": name, "type": "service_call", "service": "sales_service", "method": "create_order"}
    return {**step, "params": {"quote_id": "q"}, **more}


def transform(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "transform", "output": {}, **more}


def condition(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "condition", "condition": "true", **more}


def wait(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "wait", **more}


def approval(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "approval", "permission": "quote.approve", **more}


def sub_workflow(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "sub_workflow", "workflow": "child", **more}


def flow(*steps: Any, **more: Any) -> dict[str, Any]:
    return {"name": "flow", "version": "1.0.0", "steps": list(steps), **more}
