"""Which provisioners this installation has."""

from __future__ import annotations

from app.adapters.provisioners.local import LocalProvisioner
from app.adapters.provisioners.none import NoProvisioner
from app.adapters.provisioners.port import Provisioners
from app.core.settings import Settings


def configured(settings: Settings) -> Provisioners:
    """The provisioners of these settings: `none` always, `local` where its database role is configured."""
    provisioners = Provisioners()
    provisioners.add("none", NoProvisioner())
    if settings.provisioner_database_url:
        provisioners.add("local", LocalProvisioner(settings))
    return provisioners
