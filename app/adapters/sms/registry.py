"""Which gateway this installation has."""

from __future__ import annotations

from app.adapters.sms.http_gateway import HttpSmsGateway
from app.adapters.sms.port import SmsGateway
from app.adapters.sms.spool import SmsSpool
from app.core.settings import Settings

FOLDER = "sms"


def configured(settings: Settings) -> SmsGateway:
    """The gateway at SMS_GATEWAY_URL; without one, the folder `sms` under TURNUP_VAR."""
    if settings.sms_gateway_url:
        return HttpSmsGateway(settings.sms_gateway_url, settings.sms_gateway_token)
    return SmsSpool(settings.var_dir / FOLDER)
