"""Workflows, their executions, and what they run on, by HTTP."""

from __future__ import annotations

from app.domains.workflows.routes import bulk, definitions, executions, verbs
from app.domains.workflows.routes import engine as engines
from app.domains.workflows.routes import events as inbound
from app.domains.workflows.routes.parts import engine, events, integrations, operations, workflows
from app.http.endpoint import Blueprint

__all__ = ["blueprints", "bulk", "definitions", "engines", "executions", "inbound", "verbs"]


def blueprints() -> list[Blueprint]:
    return [workflows, operations, integrations, engine, events]
