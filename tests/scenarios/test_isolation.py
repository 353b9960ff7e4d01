"""The walls stand in workers, too: a step that forgets to say whose rows it wants gets its own tenant's only."""

from __future__ import annotations

from app.core.settings import Settings
from app.core.world import World
from tests.domains.sales.conftest import open_shop
from tests.scenarios.conftest import Engine, step


def test_a_step_sees_its_own_tenant_s_orders_only(world: World, workers: Settings) -> None:
    shops = [open_shop(world) for _ in range(2)]
    orders = [shop.draft() for shop in shops]
    for shop, order in zip(shops, orders, strict=True):
        engine = Engine(world, shop.owner_id)
        execution = engine.run([step("look", "see_orders")])
        assert execution.state == "completed"
        seen = engine.steps(execution.id)["look"].output_data
        assert seen == {"by_orm": [order.order_number], "by_sql": [order.order_number]}
