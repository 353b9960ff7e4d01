"""Whether a tenant's address answers its health check, asked as its visitors ask: by host name."""

from __future__ import annotations

import logging

import httpx

from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.polling import Deadline, until

log = logging.getLogger(__name__)

PATH = "/health"
HEALTH_SECONDS = 2.0
"""How long one health check may take."""


def ask(endpoint: str, *, gateway: str = "") -> httpx.Response | None:
    """The successful answer of a public address, None when there is none.

    `gateway`: the address that serves the tenants' host names (an ingress, a reverse proxy). It is asked in the name of
    the endpoint's host, which then need not resolve here.
    """
    try:
        url = httpx.URL(endpoint.rstrip("/") + PATH)
        headers, extensions = {}, {}
        if gateway:
            headers, extensions = {"Host": url.netloc.decode("ascii")}, {"sni_hostname": url.host}
            through = httpx.URL(gateway)
            url = url.copy_with(scheme=through.scheme, host=through.host, port=through.port)
        with httpx.Client(timeout=HEALTH_SECONDS, trust_env=False) as client:
            answer = client.get(url, headers=headers, extensions=extensions)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        log.debug("%s does not answer: %s", endpoint, error)
        return None
    return answer if answer.is_success else None


def wait(endpoint: str, deadline: Deadline, *, every: float, gateway: str = "") -> None:
    """Return once a public address answers its health check. Raises ProvisioningFailed (for now) when it does not."""
    if until(lambda: ask(endpoint, gateway=gateway), within=deadline.left, every=every) is None:
        message = f"{endpoint} did not answer its health check in time."
        raise ProvisioningFailed(message, permanent=False)
