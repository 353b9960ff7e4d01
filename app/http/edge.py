"""What the edge of one application is made of, made once and found through the running application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from app.core.world import World
from app.http.limits import Limits
from app.http.tokens import Tokens

EXTENSION = "turnup"


@dataclass(frozen=True, slots=True)
class Edge:
    """The world and the edge's own parts."""

    world: World
    tokens: Tokens
    limits: Limits

    @classmethod
    def of(cls, world: World) -> Edge:
        return cls(world=world, tokens=Tokens(world.settings), limits=Limits(world))


def edge() -> Edge:
    """The edge of the application that answers this request."""
    return cast("Edge", current_app.extensions[EXTENSION])
