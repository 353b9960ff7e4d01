"""Which payment gateways this installation has."""

from __future__ import annotations

from importlib.metadata import entry_points

from app.adapters.payments.bank_transfer import BankTransfers
from app.adapters.payments.port import Gateways
from app.adapters.payments.sandbox import Sandbox
from app.adapters.payments.stripe import StripeGateway
from app.core.settings import ConfigurationError, Settings

PLUGINS = "turnup.payment_gateways"
"""The entry point group of others' gateways: callables that make one from the settings."""


def configured(settings: Settings) -> Gateways:
    """The gateways of these settings: bank transfers always, Stripe where its key is, and plugins.

    The sandbox, too, but in production only where PAYMENT_GATEWAY names it: else somebody could pay there with nothing.
    Raises ConfigurationError when PAYMENT_GATEWAY, the default one, is not among them.
    """
    default = settings.payment_gateway or ("" if settings.production else Sandbox.name)
    gateways = Gateways(default)
    if not settings.production or default == Sandbox.name:
        gateways.add(Sandbox(settings))
    gateways.add(BankTransfers(settings))
    if settings.stripe_secret_key:
        gateways.add(
            StripeGateway(
                secret_key=settings.stripe_secret_key,
                webhook_secret=settings.stripe_webhook_secret,
                api_url=settings.stripe_api_url,
            )
        )
    for plugin in entry_points(group=PLUGINS):
        gateways.add(plugin.load()(settings))
    if gateways.default_name not in gateways.names():
        known = ", ".join(sorted(gateways.names()))
        message = f"PAYMENT_GATEWAY is {gateways.default_name or 'not set'}, which is not configured; there is {known}."
        raise ConfigurationError(message)
    return gateways
