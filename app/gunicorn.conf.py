# ruff: noqa: N999 - gunicorn's own name for it
"""gunicorn's settings: threads, since requests wait for the database and event streams for what happens."""

import os

from app.core.settings import Settings
from app.http.sse import PER_PROCESS as STREAMS

_settings = Settings.from_environment()

bind = f"{_settings.api_host}:{_settings.api_port}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
# 8 for requests, beside one for each event stream that may be open
threads = 8 + STREAMS
timeout = 60
graceful_timeout = 10
keepalive = 5
# a slow leak somewhere must not need a person
max_requests = 100_000
max_requests_jitter = 10_000
# our own log line says method, pattern and status; paths may hold order numbers, which open an order's status
accesslog = None
errorlog = "-"
# nobody steers it at run time, and its place under the home folder is one for all installations
control_socket_disable = True
