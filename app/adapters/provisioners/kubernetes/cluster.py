"""The API server of a cluster, spoken to in plain objects over the official client's connection, credentials and TLS.

The client's typed calls are left out on purpose: an answer of a newer server may have fields and values that its models
refuse, and what is asked and read here are a handful of published fields.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException, load_kube_config

from app.adapters.provisioners.errors import ProvisioningFailed, refused, unreachable
from app.core.settings import Settings

Object = dict[str, Any]

CALL_SECONDS = 10.0
MANAGER = "turnup"
MOST_PODS = 50

_PATHS = {
    "Namespace": "/api/v1/namespaces",
    "Pod": "/api/v1/namespaces/{namespace}/pods",
    "Secret": "/api/v1/namespaces/{namespace}/secrets",
    "PersistentVolumeClaim": "/api/v1/namespaces/{namespace}/persistentvolumeclaims",
    "Service": "/api/v1/namespaces/{namespace}/services",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses",
}
_OK, _NOT_FOUND, _FORBIDDEN, _CONFLICT, _ERRORS = 200, 404, 403, 409, 400


@contextmanager
def connected(settings: Settings) -> Iterator[Cluster]:
    """The cluster of the settings, for one piece of work. Raises ProvisioningFailed when its kubeconfig is unusable."""
    with ApiClient(_configuration(settings)) as client:
        yield Cluster(client)


class Cluster:
    """Objects by kind, namespace and name. Every call is bounded in time and raises ProvisioningFailed."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    def read(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """An object; None when there is none."""
        status, body = self._call("GET", _path(kind, namespace, name), passing=(_NOT_FOUND,))
        return body if status == _OK else None

    def pods(self, namespace: str) -> list[Object]:
        """The pods of a namespace, as many as tell what is wrong."""
        _, body = self._call("GET", _path("Pod", namespace), query={"limit": str(MOST_PODS)})
        return list(body.get("items") or ())

    def create(self, manifest: Object) -> Object | None:
        """Make an object; None when there is one of that name, whoever made it."""
        path = _path(manifest["kind"], manifest["metadata"].get("namespace", ""))
        status, body = self._call("POST", path, manifest, query={"fieldManager": MANAGER}, passing=(_CONFLICT,))
        return None if status == _CONFLICT else body

    def apply(self, manifest: Object) -> None:
        """Make an object or bring it to what is wanted, by server-side apply: a repeat changes nothing."""
        metadata = manifest["metadata"]
        path = _path(manifest["kind"], metadata.get("namespace", ""), metadata["name"])
        query = {"fieldManager": MANAGER, "force": "true"}
        self._call("PATCH", path, manifest, query=query, content_type="application/apply-patch+yaml")

    def delete(self, found: Object) -> None:
        """Begin to delete exactly that object, not one of the same name made since; nothing happens when it is gone."""
        metadata = found["metadata"]
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": metadata["uid"]},
        }
        path = _path(found["kind"], metadata.get("namespace", ""), metadata["name"])
        # a conflict: it is being deleted already, or is another by now; whoever waits for its end sees which
        self._call("DELETE", path, options, passing=(_NOT_FOUND, _CONFLICT))

    def _call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
        passing: Collection[int] = (),
    ) -> tuple[int, Object]:
        """The status and body of an answer; an error's only where its status is `passing`."""
        request = self._client.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._client.call_api(*request, _request_timeout=CALL_SECONDS).response
            answer = _json(response.data)
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
            system = "The Kubernetes API server"
            raise unreachable(system, error) from error
        if response.status >= _ERRORS and response.status not in passing:
            raise _refusal(
                f"Kubernetes refused {method} {path}", response.status, answer, response.headers.get("Retry-After")
            )
        return response.status, answer


def _refusal(what: str, status: int, answer: Object, retry_after: str | None) -> ProvisioningFailed:
    """What a body of kind Status tells. A namespace on its way out forbids what it will allow when made anew."""
    reason = ": ".join(str(answer[key]) for key in ("reason", "message") if answer.get(key))
    causes = (answer.get("details") or {}).get("causes") or ()
    if status == _FORBIDDEN and any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        status = _CONFLICT
    return refused(what, status=status, reason=reason, retry_after=retry_after)


def _json(content: bytes) -> Object:
    try:
        body = json.loads(content)
    except ValueError:  # a proxy's page
        return {}
    return body if isinstance(body, dict) else {}


def _path(kind: str, namespace: str, name: str = "") -> str:
    """Names are DNS labels, so nothing needs quoting."""
    path = _PATHS[kind].format(namespace=namespace)
    return f"{path}/{name}" if name else path


def _configuration(settings: Settings) -> Configuration:
    """Address and credentials. The client never repeats a call itself: steps are repeated by those who count attempts."""
    configuration = Configuration(retries=False)
    if settings.kubernetes_config:
        try:
            load_kube_config(  # type: ignore[no-untyped-call]
                settings.kubernetes_config, client_configuration=configuration, persist_config=False
            )
        except (ConfigException, OSError) as error:
            message = f"The kubeconfig {settings.kubernetes_config} cannot be used ({type(error).__name__})."
            raise ProvisioningFailed(message, permanent=True) from error
    if settings.kubernetes_api_url:
        configuration.host = settings.kubernetes_api_url.rstrip("/")
    if settings.kubernetes_ca_file:
        configuration.ssl_ca_cert = settings.kubernetes_ca_file
    if settings.kubernetes_token:
        configuration.api_key = {"authorization": f"Bearer {settings.kubernetes_token}"}
    return configuration
