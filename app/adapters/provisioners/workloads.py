"""A tenant's container, whoever runs it: what a deployment's configuration may say of it, read and checked.

Keys of the configuration: `image`, `port`, `data_path` (where the image keeps its data) and `variables`
(of the environment). All are optional; the image is by default the one of the settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.port import DeploymentSpec

DEFAULT_PORT = 8080
DEFAULT_DATA_PATH = "/data"
HIGHEST_PORT = 65535
OURS = "TENANT_"
"""How the variables begin that we set; configurations cannot."""

_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9_.:/@-]{0,254}")
_PATH = re.compile(r"/[A-Za-z0-9_./-]{0,254}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_NO_SUCH_IMAGE = ("not found", "manifest unknown", "does not exist", "denied", "unauthorized", "no matching manifest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is to run: an image that answers HTTP on a port, `/health` included, its data folder and environment."""

    image: str
    port: int
    data_path: str
    variables: Mapping[str, str]


def workload(spec: DeploymentSpec, *, host: str, default_image: str) -> Workload:
    """The container of a deployment. Raises ProvisioningFailed (permanent) with the fault in its configuration."""
    config = spec.config
    return Workload(
        image=_matching(config, "image", default_image, _IMAGE),
        port=_port(config.get("port", DEFAULT_PORT)),
        data_path=_matching(config, "data_path", DEFAULT_DATA_PATH, _PATH),
        variables={
            **_variables(config.get("variables", {})),
            "TENANT_ID": spec.tenant_id,
            "TENANT_NAME": spec.tenant_name,
            "TENANT_SLUG": spec.reference,
            "TENANT_HOST": host,
            "TENANT_REGION": spec.region or "",
            "TENANT_ENVIRONMENT": spec.environment,
            **_of_customer(spec),
        },
    )


def _of_customer(spec: DeploymentSpec) -> dict[str, str]:
    """What a tenant has whom somebody made for a customer: a license, a domain of its own, a brand."""
    told = {"TENANT_LICENSE_KEY": spec.license_key, "TENANT_DOMAIN": spec.domain}
    brand = {f"TENANT_BRAND_{name.upper()}": value for name, value in spec.branding.items()}
    return {name: value for name, value in told.items() if value} | brand


def is_refused(pull_error: str) -> bool:
    """Whether a registry's words mean that there is no such image for us, rather than that it did not answer."""
    return any(words in pull_error.lower() for words in _NO_SUCH_IMAGE)


def _matching(config: Mapping[str, Any], key: str, default: str, pattern: re.Pattern[str]) -> str:
    value = config.get(key, default)
    if isinstance(value, str) and pattern.fullmatch(value):
        return value
    raise _fault(key, value)


def _port(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= HIGHEST_PORT:
        return value
    raise _fault("port", value)


def _variables(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise _fault("variables", "no object")
    for name, content in value.items():
        if not isinstance(content, str | int | float) or not _VARIABLE.fullmatch(name) or name.startswith(OURS):
            # by its name alone: its content may be a secret
            raise _fault("variables", name)
    return {name: str(content) for name, content in value.items()}


def _fault(key: str, value: object) -> ProvisioningFailed:
    return ProvisioningFailed(f"The deployment's configuration says for {key}: {value!r}.", permanent=True)
