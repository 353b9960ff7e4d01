"""The names under which the engine sends word to itself; tasks.engine registers what is done then."""

from __future__ import annotations

SETTLE_TASK = "engine.settle"
EXPIRE_TASK = "engine.expire"
STOP_CHILDREN_TASK = "engine.stop_children"
