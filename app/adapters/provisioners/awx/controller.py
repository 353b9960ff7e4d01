"""The REST API v2 of an AWX, as far as launching and following jobs goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from app.adapters.provisioners.errors import ProvisioningFailed, refused, unreachable
from app.core.settings import Settings

CALL_SECONDS = 10.0
PAGE = 200
MOST_PAGES = 5
"""How far back a job is looked for: the thousand newest. What is older is launched anew; playbooks may be repeated."""
LAST_LINES = 5

_NOT_ALLOWED = 405


@contextmanager
def connected(settings: Settings) -> Iterator[Controller]:
    """The AWX of the settings, for one piece of work."""
    with httpx.Client(
        base_url=settings.awx_url.rstrip("/") + "/api/v2/",
        headers={"Authorization": f"Bearer {settings.awx_token}", "Accept": "application/json"},
        timeout=CALL_SECONDS,
        trust_env=False,
    ) as client:
        yield Controller(client)


class Controller:
    """Job templates and jobs by id. Every call is bounded in time and raises ProvisioningFailed."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def launch(self, template_id: int, variables: Mapping[str, Any]) -> int:
        """Launch a template with extra variables; the job's id. Refuses a template that would ignore them."""
        path = f"job_templates/{template_id}/launch/"
        if not self._json("GET", path).get("ask_variables_on_launch"):
            message = f"The job template {template_id} of AWX does not prompt for variables on launch."
            raise ProvisioningFailed(message, permanent=True)
        return int(self._json("POST", path, json={"extra_vars": dict(variables)})["id"])

    def job(self, job_id: int) -> dict[str, Any]:
        return self._json("GET", f"jobs/{job_id}/")

    def jobs(self, *template_ids: int, after: int = 0) -> Iterator[dict[str, Any]]:
        """The jobs of these templates with higher ids, newest first, MOST_PAGES pages at the most."""
        templates = ",".join(str(each) for each in template_ids)
        wanted = {"job_template__in": templates, "id__gt": after, "order_by": "-id"}
        for page in range(1, MOST_PAGES + 1):
            found = self._json("GET", "jobs/", params={**wanted, "page": page, "page_size": PAGE})
            yield from found["results"]
            if not found.get("next"):
                return

    def cancel(self, job_id: int) -> None:
        """Ask a job to end; nothing happens when it has ended."""
        self._call("POST", f"jobs/{job_id}/cancel/", passing=_NOT_ALLOWED)

    def last_lines(self, job_id: int) -> str:
        """The end of what a job has written; empty when AWX does not tell."""
        try:
            answer = self._call("GET", f"jobs/{job_id}/stdout/", params={"format": "txt"})
        except ProvisioningFailed:
            return ""  # the job's failure is what matters
        lines = [line.strip() for line in answer.text.splitlines() if line.strip()]
        return " | ".join(lines[-LAST_LINES:])

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        answer = self._call(method, path, **request)
        try:
            body = answer.json()
        except ValueError as error:
            system = "AWX"
            raise unreachable(system, error) from error
        return body if isinstance(body, dict) else {}

    def _call(self, method: str, path: str, *, passing: int | None = None, **request: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, path, **request)
        except httpx.HTTPError as error:
            system = "AWX"
            raise unreachable(system, error) from error
        if not answer.is_success and answer.status_code != passing:
            raise refused(
                f"AWX refused {method} {path}",
                status=answer.status_code,
                reason=_reason(answer),
                retry_after=answer.headers.get("Retry-After"),
            )
        return answer


def _reason(answer: httpx.Response) -> str:
    """What AWX says was wrong: `detail`, or the faulty fields."""
    try:
        body = answer.json()
    except ValueError:
        return answer.reason_phrase
    if isinstance(body, dict) and "detail" in body:
        return str(body["detail"])
    # by their names alone: what was sent in them may be secret
    return f"fields {', '.join(body)}" if isinstance(body, dict) else answer.reason_phrase
