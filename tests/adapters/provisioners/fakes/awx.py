"""An AWX: job templates, jobs that advance a little at each look, and the machines that its playbooks change.

As documented for API v2: token authentication, pages with count, next and previous, filters by field lookups (not by
extra variables), 201 for a launch with the job in it, 202 for a cancel and 405 where it comes too late.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from tests.adapters.provisioners.fakes.addresses import FakeAddresses
from tests.adapters.provisioners.fakes.server import FakeServer

TOKEN = "awx-very-secret-token"
DEPLOY, DESTROY, UNASKED = 7, 8, 9
LIFE = ("pending", "waiting", "running", "successful")

_ROUTES = Map(
    [
        Rule("/api/v2/job_templates/<int:template>/launch/", endpoint="launch"),
        Rule("/api/v2/jobs/", endpoint="jobs"),
        Rule("/api/v2/jobs/<int:job>/", endpoint="job"),
        Rule("/api/v2/jobs/<int:job>/cancel/", endpoint="cancel"),
        Rule("/api/v2/jobs/<int:job>/stdout/", endpoint="stdout"),
    ]
)


@dataclass
class Job:
    """A job as it is kept."""

    id: int
    template: int
    variables: dict[str, Any]
    status: str = "pending"
    artifacts: dict[str, Any] = field(default_factory=dict)
    stdout: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.status in {"successful", "failed", "error", "canceled"}


class FakeAwx(FakeServer):
    """`stuck`: jobs run and never end. `failing`: how jobs end that should succeed. `unreached`: for want of a machine."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses = FakeAddresses(lambda name: "address" in self.things.get(name, ()))
        self.kept: dict[int, Job] = {}
        self.things: dict[str, set[str]] = {}
        self.stuck = False
        self.failing: str | None = None
        self.unreached = 0

    def add(self, template: int, variables: dict[str, Any], status: str = "pending") -> Job:
        """A job, launched."""
        job = Job(len(self.kept) + 1, template, variables, status)
        self.kept[job.id] = job
        return job

    def answer(self, request: Request) -> Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _json(
                {"detail": "Authentication credentials were not provided. To establish a login session, ..."}, 401
            )
        try:
            endpoint, values = _ROUTES.bind_to_environ(request.environ).match()
        except HTTPException as error:
            return error.get_response(request.environ) if error.code != 404 else _not_found()
        return getattr(self, f"_{endpoint}")(request, **values)

    def refusal(self, status: int) -> Response:
        if status >= 500:
            return Response("<h1>Server Error</h1>", status=status, mimetype="text/html")
        return _json({"detail": "You do not have permission to perform this action."}, status)

    def _launch(self, request: Request, template: int) -> Response:
        if template not in {DEPLOY, DESTROY, UNASKED}:
            return _not_found()
        asks = template != UNASKED
        if request.method == "GET":
            return _json({"ask_variables_on_launch": asks, "can_start_without_user_input": True, "defaults": {}})
        variables = request.get_json().get("extra_vars", {})
        job = self.add(template, variables if asks else {})
        ignored = {} if asks else {"extra_vars": variables}
        return _json({"job": job.id, "ignored_fields": ignored, **_shown(job)}, 201)

    def _jobs(self, request: Request) -> Response:
        found = list(self.kept.values())
        size, page = int(request.args.get("page_size", 25)), int(request.args.get("page", 1))
        for name, value in request.args.items():
            match name:
                case "job_template__in":
                    found = [job for job in found if str(job.template) in value.split(",")]
                case "id__gt":
                    found = [job for job in found if job.id > int(value)]
                case "order_by" | "page" | "page_size":
                    pass
                case _ if name.startswith("extra_vars"):
                    return _json({"detail": "Filtering on extra_vars is not allowed."}, 403)
                case _:
                    return _json({"detail": f"Job has no field named '{name}'"}, 400)
        found.sort(key=lambda job: job.id, reverse=request.args.get("order_by") == "-id")
        here = found[(page - 1) * size : page * size]
        if not here and page > 1:
            return _json({"detail": "Invalid page."}, 404)
        following = f"/api/v2/jobs/?page={page + 1}&page_size={size}" if len(found) > page * size else None
        previous = f"/api/v2/jobs/?page={page - 1}&page_size={size}" if page > 1 else None
        return _json({"count": len(found), "next": following, "previous": previous, "results": [*map(_shown, here)]})

    def _job(self, request: Request, job: int) -> Response:
        if (found := self.kept.get(job)) is None:
            return _not_found()
        for each in self.kept.values():
            self._advance(each)
        counts = {"dark": self.unreached} if found.status == "failed" and self.unreached else {}
        return _json({**_shown(found), "artifacts": found.artifacts, "host_status_counts": counts})

    def _cancel(self, request: Request, job: int) -> Response:
        if (found := self.kept.get(job)) is None:
            return _not_found()
        if request.method == "POST":
            if found.ended:
                return _json({"detail": 'Method "POST" not allowed.'}, 405)
            found.status = "canceled"
            return Response(status=202)
        return _json({"can_cancel": not found.ended})

    def _stdout(self, request: Request, job: int) -> Response:
        if (found := self.kept.get(job)) is None:
            return _not_found()
        assert request.args.get("format") == "txt"
        return Response("\n".join(found.stdout), mimetype="text/plain")

    def _advance(self, job: Job) -> None:
        """One look at any job further; the playbook builds one half when it begins and one when it is through."""
        if job.ended or (self.stuck and job.status == "running"):
            return
        job.status = LIFE[LIFE.index(job.status) + 1]
        if job.variables.get("turnup_action") == "destroy":
            if job.status == "successful":
                self.things.pop(job.variables["turnup_host"], None)
            return
        things = self.things.setdefault(job.variables["turnup_host"], set())
        if job.status == "running":
            things.add("machine")
            job.stdout.append("TASK [tenant : create the machine] ******\nchanged: [controller]\n")
        if job.status == "successful" and self.failing:
            job.status = self.failing
            job.stdout.append('fatal: [controller]: FAILED! => {"msg": "quota exceeded for flavour m1.large"}\n')
        elif job.status == "successful":
            things.add("address")
            job.artifacts = {"endpoint": f"{self.addresses.address}/{job.variables['turnup_host']}"}


def _shown(job: Job) -> dict[str, Any]:
    """A job as lists show it."""
    return {
        "id": job.id,
        "type": "job",
        "url": f"/api/v2/jobs/{job.id}/",
        "job_template": job.template,
        "status": job.status,
        "failed": job.status in {"failed", "error", "canceled"},
        "job_explanation": "",
        # as text, as AWX keeps it
        "extra_vars": json.dumps(job.variables),
    }


def _not_found() -> Response:
    return _json({"detail": "Not found."}, 404)


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, mimetype="application/json")
