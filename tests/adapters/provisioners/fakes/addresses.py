"""What stands in front of tenants: an ingress or a reverse proxy, or the machines that a playbook has set up."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.wrappers import Request, Response

from tests.adapters.provisioners.fakes.server import FakeServer


class FakeAddresses(FakeServer):
    """Answers health checks for the tenants that `serves` names: by host name, or by the first part of the path."""

    def __init__(self, serves: Callable[[str], bool]) -> None:
        super().__init__()
        self._serves = serves

    def answer(self, request: Request) -> Response:
        name, _, rest = request.path.removeprefix("/").partition("/")
        if rest != "health":
            name, rest = request.host.partition(":")[0], name
        if rest == "health" and self._serves(name):
            return Response('{"status": "ok"}', mimetype="application/json")
        return self.refusal(404)

    def refusal(self, status: int) -> Response:
        return Response("no such tenant", status=status)
