"""The API as WSGI servers want it: `gunicorn -c app/gunicorn.conf.py app.wsgi:app`."""

from __future__ import annotations

from app.core import log
from app.core.settings import Settings
from app.factory import create_app

settings = Settings.from_environment()
log.configure(settings)
app = create_app(settings)
