"""A Kubernetes API server with the controllers that matter here: namespaces that end, deployments that get a pod.

As documented: errors are bodies of kind Status with reason and details; objects get uid, generation and
resourceVersion; server-side apply needs a field manager and changes nothing where nothing differs; a namespace is
Terminating before it is gone and refuses new content meanwhile. Bodies are held to the published schemas, strictly.
"""

from __future__ import annotations

import copy
import itertools
import json
import re
from typing import Any

from kubernetes.client import models
from pydantic import BaseModel, ValidationError
from werkzeug.wrappers import Request, Response

from tests.adapters.provisioners.fakes.addresses import FakeAddresses
from tests.adapters.provisioners.fakes.server import FakeServer

TOKEN = "kubernetes-very-secret-token"
Object = dict[str, Any]
Key = tuple[str, str, str]

SCHEMAS: dict[str, type[BaseModel]] = {
    "Namespace": models.V1Namespace,
    "Secret": models.V1Secret,
    "PersistentVolumeClaim": models.V1PersistentVolumeClaim,
    "Service": models.V1Service,
    "Deployment": models.V1Deployment,
    "Ingress": models.V1Ingress,
}
_KINDS = {
    ("/api/v1", "namespaces"): "Namespace",
    ("/api/v1", "secrets"): "Secret",
    ("/api/v1", "pods"): "Pod",
    ("/api/v1", "persistentvolumeclaims"): "PersistentVolumeClaim",
    ("/api/v1", "services"): "Service",
    ("/apis/apps/v1", "deployments"): "Deployment",
    ("/apis/networking.k8s.io/v1", "ingresses"): "Ingress",
}
_PATH = re.compile(
    r"(?P<group>/api/v1|/apis/[a-z0-9.]+/v1)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?"
)
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|Ki|Mi|Gi|Ti|k|M|G|T)?")
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "AlreadyExists",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}
LOOKS = 2
"""How often something is looked at before it is as wished, or gone."""


class FakeKubernetes(FakeServer):
    """`slow`: pods stay in ContainerCreating. `missing_images`: what no registry has."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[Key, Object] = {}
        self.slow = False
        self.missing_images: set[str] = set()
        self.addresses = FakeAddresses(self._serves)
        self._versions = itertools.count(1)
        self._looks: dict[str, int] = {}

    def put(self, manifest: Object) -> Object:
        """An object of somebody's, made past all checks."""
        metadata = manifest["metadata"]
        key = (manifest["kind"], metadata.get("namespace", ""), metadata["name"])
        self.objects[key] = self._born(manifest)
        return self.objects[key]

    def answer(self, request: Request) -> Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized")
        try:
            return self._routed(request)
        except _Refused as refused:
            return refused.response

    def refusal(self, status: int) -> Response:
        return _status(status, "etcdserver: request timed out" if status >= 500 else "not for you")

    def _routed(self, request: Request) -> Response:  # noqa: PLR0911 - an answer per case
        found = _PATH.fullmatch(request.path)
        if found is None or (found["group"], found["plural"]) not in _KINDS:
            return _status(404, "the server could not find the requested resource")
        kind = _KINDS[found["group"], found["plural"]]
        key = (kind, found["namespace"] or "", found["name"] or "")
        match request.method:
            case "GET" if not key[2]:
                items = [self._looked_at(each) for each in [*self.objects] if each[:2] == key[:2]]
                return _json(
                    {"kind": f"{kind}List", "apiVersion": "v1", "metadata": {}, "items": [*filter(None, items)]}
                )
            case "GET":
                return _json(self._looked_at(key) or _missing(key))
            case "POST":
                return self._create(key, request)
            case "PATCH":
                return self._apply(key, request)
            case "DELETE":
                return self._delete(key, request)
        return _status(405, "the server does not allow this method on the requested resource")

    def _create(self, key: Key, request: Request) -> Response:
        body = self._checked(key, request.get_json())
        key = (*key[:2], body["metadata"]["name"])
        if key in self.objects:
            raise _Refused(_status(409, f'{_plural(key[0])} "{key[2]}" already exists', key))
        self._has_room(key)
        self.objects[key] = self._born(body)
        return _json(self.objects[key], 201)

    def _apply(self, key: Key, request: Request) -> Response:
        if request.mimetype != "application/apply-patch+yaml":
            raise _Refused(_status(415, "the body of the request was in an unknown format"))
        if not request.args.get("fieldManager"):
            raise _Refused(
                _status(422, "PatchOptions is invalid: fieldManager: Required value: is required for apply patch")
            )
        body = self._checked(key, json.loads(request.get_data()))
        if key not in self.objects:
            self._has_room(key)
            self.objects[key] = self._born(body)
            self._control(key)
            return _json(self.objects[key], 201)
        old = self.objects[key]
        new = copy.deepcopy(old)
        new["metadata"].update(
            {name: body["metadata"][name] for name in ("labels", "annotations") if name in body["metadata"]}
        )
        new.update({name: value for name, value in body.items() if name not in {"metadata", "status"}})
        if key[0] == "Deployment" and new["spec"]["selector"] != old["spec"]["selector"]:
            raise _Refused(_status(422, "spec.selector: Invalid value: field is immutable", key))
        if new != old:
            new["metadata"]["resourceVersion"] = str(next(self._versions))
            new["metadata"]["generation"] += new.get("spec") != old.get("spec")
            self.objects[key] = new
            self._control(key)
        return _json(self.objects[key])

    def _delete(self, key: Key, request: Request) -> Response:
        found = self.objects.get(key) or _missing(key)
        wanted = (request.get_json(silent=True) or {}).get("preconditions", {}).get("uid")
        if wanted is not None and wanted != found["metadata"]["uid"]:
            raise _Refused(_status(409, f"Precondition failed: UID in precondition: {wanted}", key, reason="Conflict"))
        if key[0] != "Namespace":
            del self.objects[key]
            return _json({"kind": "Status", "apiVersion": "v1", "status": "Success"})
        if "deletionTimestamp" not in found["metadata"]:
            found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            found["status"] = {"phase": "Terminating"}
            self._looks[found["metadata"]["uid"]] = 0
        return _json(found)

    def _checked(self, key: Key, body: Object) -> Object:
        """The body, held to schema and name rules. Real servers say 400 for an unknown field, 422 for a bad value."""
        try:
            SCHEMAS[key[0]].model_validate(body)
        except ValidationError as error:
            raise _Refused(_status(400, f"strict decoding error: {error}")) from error
        metadata = body["metadata"]
        faults = (
            [f"metadata.name: Invalid value: {metadata['name']!r}"] if not _LABEL.fullmatch(metadata["name"]) else []
        )
        faults += [f"metadata.labels: {each!r}" for each in _values(body, "labels") if not _LABEL_VALUE.fullmatch(each)]
        faults += [
            f"resources: {each!r}"
            for name in ("requests", "limits")
            for each in _values(body, name)
            if not _QUANTITY.fullmatch(each)
        ]
        if faults:
            raise _Refused(_status(422, f'{key[0]} "{metadata["name"]}" is invalid: {"; ".join(faults)}', key))
        if key[2] and (metadata["name"], metadata.get("namespace", "")) != (key[2], key[1]):
            raise _Refused(_status(400, "the name of the object does not match the name on the URL"))
        return body

    def _has_room(self, key: Key) -> None:
        if key[0] == "Namespace":
            return
        namespace = self.objects.get(("Namespace", "", key[1]))
        if namespace is None:
            _missing(("Namespace", "", key[1]))
        elif "deletionTimestamp" in namespace["metadata"]:
            message = f"unable to create new content in namespace {key[1]} because it is being terminated"
            causes = [{"reason": "NamespaceTerminating", "message": f"namespace {key[1]} is being terminated"}]
            raise _Refused(_status(403, message, key, causes=causes))

    def _born(self, body: Object) -> Object:
        version = next(self._versions)
        born = copy.deepcopy(body)
        born["metadata"] |= {"uid": f"uid-{version}", "resourceVersion": str(version), "generation": 1}
        if born["kind"] == "Namespace":
            born["status"] = {"phase": "Active"}
        return born

    def _looked_at(self, key: Key) -> Object | None:
        """An object as it is by now: what ends or begins is a step further at each look."""
        found = self.objects.get(key)
        if found is None:
            return None
        uid = found["metadata"]["uid"]
        self._looks[uid] = self._looks.get(uid, 0) + 1
        if key[0] == "Namespace" and "deletionTimestamp" in found["metadata"] and self._looks[uid] > LOOKS:
            self.objects = {each: value for each, value in self.objects.items() if key[2] not in {each[1], each[2]}}
            return None
        if key[0] == "Deployment":
            self._control(key)
        return self.objects[key]

    def _control(self, key: Key) -> None:
        """What the deployment controller and the kubelet do."""
        if key[0] != "Deployment":
            return
        deployment = self.objects[key]
        metadata, spec = deployment["metadata"], deployment["spec"]
        image = spec["template"]["spec"]["containers"][0]["image"]
        runs = self._looks.get(metadata["uid"], 0) > LOOKS and not self.slow and image not in self.missing_images
        count = spec["replicas"]
        deployment["status"] = {
            "observedGeneration": metadata["generation"],
            "replicas": count,
            "updatedReplicas": count,
            "availableReplicas": count if runs else 0,
            "conditions": [{"type": "Available", "status": "True" if runs else "False"}],
        }
        pod: Object = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"{key[2]}-1", "namespace": key[1], "labels": spec["template"]["metadata"]["labels"]},
            "status": {
                "phase": "Running" if runs else "Pending",
                "conditions": [{"type": "PodScheduled", "status": "True"}],
                "containerStatuses": [
                    {"name": key[2], "ready": runs, "image": image, "state": self._state(image, runs)}
                ],
            },
        }
        pod["metadata"] |= {"uid": f"{metadata['uid']}-pod"}
        self.objects["Pod", key[1], pod["metadata"]["name"]] = pod

    def _state(self, image: str, runs: bool) -> Object:
        if runs:
            return {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        if image in self.missing_images:
            message = f'Back-off pulling image "{image}": ErrImagePull: failed to resolve reference "{image}": {image}: not found'
            return {"waiting": {"reason": "ImagePullBackOff", "message": message}}
        return {"waiting": {"reason": "ContainerCreating"}}

    def _serves(self, host: str) -> bool:
        """Whether an ingress leads to a pod that runs, over a service that selects it."""
        for (kind, namespace, _), found in [*self.objects.items()]:
            if kind == "Ingress" and any(rule["host"] == host for rule in found["spec"]["rules"]):
                backend = found["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"]
                service = self.objects.get(("Service", namespace, backend))
                pods = [value for key, value in self.objects.items() if key[:2] == ("Pod", namespace)]
                return service is not None and any(
                    pod["status"]["phase"] == "Running"
                    and service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
                    for pod in pods
                )
        return False


class _Refused(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def _missing(key: Key) -> Object:
    raise _Refused(_status(404, f'{_plural(key[0])} "{key[2]}" not found', key))


def _plural(kind: str) -> str:
    return next(plural for (_, plural), each in _KINDS.items() if each == kind)


def _values(body: Any, name: str) -> list[str]:
    """The values of all maps of that name, however deep."""
    found: list[str] = []
    if isinstance(body, dict):
        for key, value in body.items():
            found += value.values() if key == name and isinstance(value, dict) else _values(value, name)
    if isinstance(body, list):
        found += [each for item in body for each in _values(item, name)]
    return found


def _status(
    code: int, message: str, key: Key | None = None, *, reason: str = "", causes: list[Object] | None = None
) -> Response:
    body: Object = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason or _REASONS.get(code, "Unknown"),
        "code": code,
    }
    if key is not None:
        body["details"] = {"name": key[2], "kind": _plural(key[0]), **({"causes": causes} if causes else {})}
    return _json(body, code)


def _json(body: Object, status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, mimetype="application/json")
