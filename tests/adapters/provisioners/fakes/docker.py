"""A Docker Engine: networks, volumes, images, and containers whose health comes with the looks at them.

As documented for API 1.44: paths with a version, errors as `{"message": ...}`, 201 with an Id or a Name, 204 without a
body, 304 for what runs already, 409 for names in use, and pulls as a stream of JSON objects in chunks, whose later
errors come inside the stream.
"""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from werkzeug.wrappers import Request, Response

from tests.adapters.provisioners.fakes.addresses import FakeAddresses
from tests.adapters.provisioners.fakes.server import FakeServer

NEWEST, OLDEST = "1.51", "1.24"
LOOKS = 2
"""How often a container is looked at before it is healthy, or gone."""

Object = dict[str, Any]


class FakeDocker(FakeServer):
    """`slow`: containers stay in `starting`. `missing_images`: what no registry has. `lost_images`: what breaks midway."""

    def __init__(self) -> None:
        super().__init__()
        self.networks: dict[str, Object] = {}
        self.volumes: dict[str, Object] = {}
        self.containers: dict[str, Object] = {}
        self.images: set[str] = set()
        self.missing_images: set[str] = set()
        self.lost_images: set[str] = set()
        self.slow = False
        self.addresses = FakeAddresses(self._serves)
        self._ids = itertools.count(1)
        self._looks: dict[str, int] = {}
        self.add_network("traefik", {})

    def add_network(self, name: str, labels: dict[str, str]) -> Object:
        return self.networks.setdefault(name, {"Name": name, "Id": self._id(), "Driver": "bridge", "Labels": labels})

    def add_volume(self, name: str, labels: dict[str, str]) -> Object:
        made = {"Name": name, "Driver": "local", "Mountpoint": f"/volumes/{name}", "Labels": labels, "Id": self._id()}
        return self.volumes.setdefault(name, made)

    def add_container(self, name: str, config: Object) -> Object:
        mode = config.get("HostConfig", {}).get("NetworkMode", "bridge")
        self.containers[name] = {
            "Id": self._id(),
            "Name": f"/{name}",
            "Config": {key: value for key, value in config.items() if key != "HostConfig"},
            "HostConfig": config.get("HostConfig", {}),
            "State": {"Status": "created", "Running": False, "ExitCode": 0, "Error": ""},
            "NetworkSettings": {"Networks": {mode: {}}},
        }
        return self.containers[name]

    def answer(self, request: Request) -> Response:
        if request.path in {"/_ping", "/version"}:
            return self._about(request)
        found = re.fullmatch(r"/v(\d+\.\d+)(/.*)", request.path)
        if found is None:
            return _error(404, "page not found")
        if _number(found[1]) > _number(NEWEST):
            return _error(400, f"client version {found[1]} is too new. Maximum supported API version is {NEWEST}")
        if _number(found[1]) < _number(OLDEST):
            return _error(400, f"client version {found[1]} is too old. Minimum supported API version is {OLDEST}")
        _, kind, name, *rest = [*found[2].split("/"), "", ""]
        if kind == "images":
            return self._image(request, found[2].removeprefix("/images/"))
        verb = rest[0] if rest else ""
        return getattr(self, f"_{kind.removesuffix('s')}")(request, name, verb)

    def refusal(self, status: int) -> Response:
        return _error(status, "driver failed programming external connectivity" if status >= 500 else "not for you")

    def _about(self, request: Request) -> Response:
        if request.path == "/_ping":
            return Response(
                "OK", mimetype="text/plain", headers={"Api-Version": NEWEST, "Docker-Experimental": "false"}
            )
        return _json({"Version": "28.5.0", "ApiVersion": NEWEST, "MinAPIVersion": OLDEST, "Os": "linux"})

    def _network(self, request: Request, name: str, verb: str) -> Response:  # noqa: PLR0911 - an answer per case
        if name == "create":
            body = request.get_json()
            if body["Name"] in self.networks:
                return _error(409, f"network with name {body['Name']} already exists")
            return _json({"Id": self.add_network(body["Name"], body.get("Labels") or {})["Id"], "Warning": ""}, 201)
        if name not in self.networks:
            return _error(404, f"network {name} not found")
        if verb == "connect":
            return self._connect(name, request.get_json()["Container"])
        if request.method == "GET":
            return _json(self.networks[name])
        if any(name in each["NetworkSettings"]["Networks"] for each in self.containers.values()):
            return _error(403, f"error while removing network: network {name} has active endpoints")
        del self.networks[name]
        return Response(status=204)

    def _connect(self, network: str, container: str) -> Response:
        if container not in self.containers:
            return _error(404, f"No such container: {container}")
        connected = self.containers[container]["NetworkSettings"]["Networks"]
        if network in connected:
            return _error(403, f"endpoint with name {container} already exists in network {network}")
        connected[network] = {}
        return Response(status=200)

    def _volume(self, request: Request, name: str, _verb: str) -> Response:
        if name == "create":
            body = request.get_json()
            return _json(self.add_volume(body["Name"], body.get("Labels") or {}), 201)
        if name not in self.volumes:
            # removed with force, a volume that is not there is no error
            forced = request.method == "DELETE" and request.args.get("force") in {"1", "True", "true"}
            return Response(status=204) if forced else _error(404, f"get {name}: no such volume")
        if request.method == "GET":
            return _json(self.volumes[name])
        mounts = [mount for each in self.containers.values() for mount in each["HostConfig"].get("Mounts", ())]
        if any(mount["Source"] == name for mount in mounts):
            return _error(409, f"remove {name}: volume is in use")
        del self.volumes[name]
        return Response(status=204)

    def _image(self, request: Request, path: str) -> Response:
        if path != "create":
            name = path.removesuffix("/json")
            return _json({"Id": f"sha256:{name}"}) if name in self.images else _error(404, f"No such image: {name}")
        image = f"{request.args['fromImage']}:{request.args['tag']}"
        if image in self.missing_images:
            return _error(404, f"manifest for {image} not found: manifest unknown: manifest unknown")
        return Response(self._pull(image), mimetype="application/json")

    def _pull(self, image: str) -> Iterator[bytes]:
        yield _line({"status": f"Pulling from {image}", "id": "latest"})
        if image in self.lost_images:
            said = "unexpected EOF"
            yield _line({"errorDetail": {"message": said}, "error": said})
            return
        yield _line({"status": "Downloading", "progressDetail": {"current": 1, "total": 2}, "id": "a1b2"})
        self.images.add(image)
        yield _line({"status": f"Status: Downloaded newer image for {image}"})

    def _container(self, request: Request, name: str, verb: str) -> Response:  # noqa: PLR0911 - an answer per case
        if name == "create":
            return self._create(request)
        if name not in self.containers:
            return _error(404, f"No such container: {name}")
        if verb == "json":
            return self._inspect(name)
        if verb == "start":
            return self._start(name)
        found = self.containers[name]
        if found["State"]["Status"] == "removing":
            return _error(409, f"removal of container {name} is already in progress")
        if found["State"]["Running"] and request.args.get("force") not in {"1", "True", "true"}:
            return _error(
                409, f"cannot remove container {name}: container is running: stop the container before removing"
            )
        found["State"] = {"Status": "removing", "Running": False, "ExitCode": 137, "Error": ""}
        self._looks[found["Id"]] = 0
        return Response(status=204)

    def _create(self, request: Request) -> Response:
        name, config = request.args["name"], request.get_json()
        if name in self.containers:
            said = f'Conflict. The container name "/{name}" is already in use by container "{self.containers[name]["Id"]}".'
            return _error(409, said)
        if config["Image"] not in self.images:
            return _error(404, f"No such image: {config['Image']}")
        return _json({"Id": self.add_container(name, config)["Id"], "Warnings": []}, 201)

    def _start(self, name: str) -> Response:
        found = self.containers[name]
        if found["State"]["Running"]:
            return Response(status=304)
        for network in found["NetworkSettings"]["Networks"]:
            if network not in self.networks:
                return _error(404, f"network {network} not found")
        found["State"] = {
            "Status": "running",
            "Running": True,
            "ExitCode": 0,
            "Error": "",
            "Health": {"Status": "starting"},
        }
        self._looks[found["Id"]] = 0
        return Response(status=204)

    def _inspect(self, name: str) -> Response:
        found = self.containers[name]
        looks = self._looks[found["Id"]] = self._looks.get(found["Id"], 0) + 1
        if looks > LOOKS and found["State"]["Status"] == "removing":
            del self.containers[name]
            return _error(404, f"No such container: {name}")
        if looks > LOOKS and found["State"]["Running"] and not self.slow:
            found["State"]["Health"] = {"Status": "healthy", "FailingStreak": 0, "Log": []}
        elif found["State"]["Running"] and self.slow:
            found["State"]["Health"]["Log"] = [{"ExitCode": 1, "Output": "wget: can't connect: Connection refused"}]
        return _json(copy.deepcopy(found))

    def _serves(self, host: str) -> bool:
        """Whether a Traefik in its network would lead this host to a healthy container."""
        return any(
            f"Host(`{host}`)" in found["Config"]["Labels"].values()
            and found["Config"]["Labels"].get("traefik.enable") == "true"
            and "traefik" in found["NetworkSettings"]["Networks"]
            and found["State"].get("Health", {}).get("Status") == "healthy"
            for found in [*self.containers.values()]
        )

    def _id(self) -> str:
        return f"{next(self._ids):064x}"


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _line(progress: Object) -> bytes:
    return json.dumps(progress).encode() + b"\r\n"


def _error(status: int, message: str) -> Response:
    return _json({"message": message}, status)


def _json(body: Object, status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, mimetype="application/json")
