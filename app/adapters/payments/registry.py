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
    """The gateways of these settings: sandbox and bank transfers always, Stripe where its key is, and plugins.

    Raises ConfigurationError when PAYMENT_GATEWAY, the default one, is not among them.
    """
    gateways = Gateways(settings.payment_gateway)
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
        message = f"PAYMENT_GATEWAY is {gateways.default_name}, which is not configured; there is {known}."
        raise ConfigurationError(message)
    return gateways
