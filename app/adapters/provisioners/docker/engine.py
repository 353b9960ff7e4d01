"""The Engine API of a Docker host over the official client, with every call bounded and its errors told as ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import docker  # type: ignore[import-untyped]
import requests
import urllib3
from docker.errors import (  # type: ignore[import-untyped]
    APIError,
    DockerException,
    NotFound,
    StreamParseError,
)
from docker.utils import parse_repository_tag  # type: ignore[import-untyped]

from app.adapters.provisioners.errors import ProvisioningFailed, refused, unreachable
from app.adapters.provisioners.polling import Deadline
from app.adapters.provisioners.workloads import is_refused
from app.core.settings import Settings

VERSION = "1.44"
"""The API version spoken: Docker 25 and newer."""
CALL_SECONDS = 10.0
STOP_SECONDS = 5
CONFLICT, FORBIDDEN = 409, 403

T = TypeVar("T")
Inspected = dict[str, Any]


class _BoundedClient(docker.APIClient):  # type: ignore[misc]
    """The client with a time limit on all it sends: it would wait for a pull for ever."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        options["timeout"] = options.get("timeout") or CALL_SECONDS
        return cast("requests.Response", super().send(request, **options))


@contextmanager
def connected(settings: Settings) -> Iterator[Engine]:
    """The Docker host of the settings, for one piece of work. Raises ProvisioningFailed when it cannot be spoken to."""
    try:
        client = _BoundedClient(
            settings.docker_host, version=VERSION, timeout=CALL_SECONDS, tls=_certificates(settings.docker_cert_path)
        )
    except DockerException as error:
        message = f"DOCKER_HOST or DOCKER_CERT_PATH cannot be used: {error}."
        raise ProvisioningFailed(message, permanent=True) from error
    client.trust_env = False
    with client:
        yield Engine(client)


class Engine:
    """Networks, volumes, images and containers by name. Every call raises ProvisioningFailed."""

    def __init__(self, client: docker.APIClient) -> None:
        self._client = client

    def network(self, name: str) -> Inspected | None:
        return _found(lambda: self._client.inspect_network(name))

    def volume(self, name: str) -> Inspected | None:
        return _found(lambda: self._client.inspect_volume(name))

    def container(self, name: str) -> Inspected | None:
        return _found(lambda: self._client.inspect_container(name))

    def create_network(self, name: str, labels: dict[str, str]) -> None:
        """Make a bridge; nothing happens when there is a network of that name."""
        _told(lambda: self._client.create_network(name, driver="bridge", labels=labels), passing=CONFLICT)

    def create_volume(self, name: str, labels: dict[str, str]) -> None:
        """Make a volume; Docker finds the one of that name, with the labels that it has."""
        _told(lambda: self._client.create_volume(name, labels=labels))

    def create_container(self, name: str, blueprint: dict[str, Any]) -> None:
        """Make a container; nothing happens when there is one of that name."""
        _told(lambda: self._client.create_container_from_config(blueprint, name), passing=CONFLICT)

    def connect(self, name: str, network: str) -> None:
        """Connect a container to a network; nothing happens when it is."""
        _told(lambda: self._client.connect_container_to_network(name, network), passing=FORBIDDEN)

    def start(self, name: str) -> None:
        """Start a container; nothing happens when it runs."""
        _told(lambda: self._client.start(name))

    def remove_container(self, name: str) -> None:
        """Stop and remove a container and its nameless volumes; nothing happens when it is gone or going."""
        _gone(lambda: self._client.remove_container(name, v=True, force=True), passing=CONFLICT)

    def remove_network(self, name: str) -> None:
        _gone(lambda: self._client.remove_network(name))

    def remove_volume(self, name: str) -> None:
        _gone(lambda: self._client.remove_volume(name, force=True))

    def ensure_image(self, image: str, deadline: Deadline) -> None:
        """Have an image here, pulled if it is not."""
        if _found(lambda: self._client.inspect_image(image)) is not None:
            return
        repository, tag = parse_repository_tag(image)
        try:
            for line in _lines(self._client, repository, tag or "latest"):
                if said := line.get("error"):
                    message = f"The image {image} could not be pulled: {said}"
                    raise ProvisioningFailed(message, permanent=is_refused(said))
                if not deadline.left:
                    message = f"The image {image} was not pulled in time."
                    raise ProvisioningFailed(message, permanent=False)
        except APIError as error:
            reason = str(error.explanation or "")
            message = f"The image {image} could not be pulled: {reason}"
            raise ProvisioningFailed(message, permanent=is_refused(reason)) from error


def _lines(client: docker.APIClient, repository: str, tag: str) -> Iterator[dict[str, Any]]:
    """The progress of a pull, a JSON object a line."""
    try:
        for line in client.pull(repository, tag=tag, stream=True, decode=True):
            yield line if isinstance(line, dict) else json.loads(line)
    except APIError:
        raise
    except _SILENCE as error:
        raise _silent(error) from error


_SILENCE = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    DockerException,
    StreamParseError,
    ValueError,
    OSError,
)


def _told(call: Callable[[], T], *, passing: int | None = None) -> T | None:
    """What a call returns; None when it was refused with that status. Raises ProvisioningFailed."""
    try:
        return call()
    except APIError as error:
        status = error.status_code or 500
        if status == passing:
            return None
        raise refused("Docker refused", status=status, reason=str(error.explanation or "")) from error
    except _SILENCE as error:
        raise _silent(error) from error


def _found(call: Callable[[], Inspected]) -> Inspected | None:
    """What was inspected; None when there is none."""
    return _told(lambda: _or_none(call))


def _gone(call: Callable[[], None], *, passing: int | None = None) -> None:
    _told(lambda: _or_none(call), passing=passing)


def _or_none(call: Callable[[], T]) -> T | None:
    try:
        return call()
    except NotFound:
        return None


def _silent(error: Exception) -> ProvisioningFailed:
    system = "The Docker host"
    return unreachable(system, error)


def _certificates(folder: str) -> docker.tls.TLSConfig | bool:
    """The client's certificate and the authority's, under the names that Docker gives them."""
    if not folder:
        return False
    path = Path(folder)
    return docker.tls.TLSConfig(
        client_cert=(str(path / "cert.pem"), str(path / "key.pem")), ca_cert=str(path / "ca.pem"), verify=True
    )
