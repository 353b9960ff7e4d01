"""Where gateways tell what became of payments. The signature of a message, not a token, says who it is."""

from __future__ import annotations

from typing import Any

from flask import request

from app.domains.billing import service
from app.domains.billing.schemas import payments as schemas
from app.http.endpoint import PUBLIC, Blueprint, Context, endpoint

webhooks = Blueprint("payment-webhooks", __name__, url_prefix="/api/public", description="Messages of payment gateways")


@endpoint(
    webhooks,
    "POST",
    "/payments/<string:gateway>/webhook",
    permission=PUBLIC,
    body=schemas.GatewayMessage,
    answer=schemas.ReceivedOut,
    errors=[404, 503],
)
def receive_gateway_event(ctx: Context, *, gateway: str) -> Any:
    """Take a signed message of a gateway, in Stripe's form; each counts once, however often it is sent."""
    is_news = service.receive_event(
        ctx.world, gateway_name=gateway, payload=request.get_data(cache=True), headers=dict(request.headers)
    )
    return {"is_news": is_news}
