"""One tenant's flood does not hold up the others."""

from __future__ import annotations

from uuid import UUID

from app.core.ids import OPERATOR_ID, new_id
from app.core.world import World
from app.domains.tenants import service as tenants
from tests.scenarios.conftest import Engine, step

FLOOD = 600


def another_tenant(world: World) -> UUID:
    with world.database.transaction(OPERATOR_ID) as session:
        slug = f"t{new_id().hex[-12:]}"
        return tenants.create_tenant(session, name=slug, slug=slug).id


def test_another_tenants_step_ends_long_before_a_flood_does(engine: Engine, world: World) -> None:
    flood = engine.start([step(f"w{n}", "quiet", depends_on=[]) for n in range(FLOOD)])
    other = Engine(world, another_tenant(world))
    assert other.run([step("quick", "quiet")]).state == "completed"
    left = [name for name, state in engine.states(flood).items() if state != "completed"]
    # in the order of sending, nearly nothing would be left
    assert len(left) > FLOOD // 2
    assert engine.ended(flood, within=180).state == "completed"
