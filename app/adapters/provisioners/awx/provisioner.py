"""The AWX provisioner: launches the templates that deploy and destroy, and follows their jobs to the end."""

from __future__ import annotations

from typing import Any

from app.adapters.provisioners import health, references
from app.adapters.provisioners.addresses import activation_url, tenant_host
from app.adapters.provisioners.awx import jobs
from app.adapters.provisioners.awx.controller import Controller, connected
from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.polling import Deadline, until
from app.adapters.provisioners.port import Deployed, DeploymentSpec
from app.core.settings import Settings

POLL_SECONDS = 1.0


class AwxProvisioner:
    """Deploys by AWX_DEPLOY_TEMPLATE and removes by AWX_DESTROY_TEMPLATE.

    AWX keeps no record of what its playbooks have built: the newest job for a tenant's host tells. Both playbooks have to
    be repeatable, as Ansible's are, and both templates have to allow simultaneous jobs and prompt for variables.
    """

    def __init__(
        self, settings: Settings, *, deploy_template: int, destroy_template: int, poll_seconds: float = POLL_SECONDS
    ) -> None:
        self._settings = settings
        self._deploy_template = deploy_template
        self._destroy_template = destroy_template
        self._templates = (deploy_template, destroy_template)
        self._poll_seconds = poll_seconds

    def deploy(self, spec: DeploymentSpec) -> Deployed:
        references.check(spec.reference)
        deadline = Deadline.within(spec.seconds or self._settings.awx_provision_seconds)
        with connected(self._settings) as awx:
            job = self._follow(awx, self._deploying(awx, spec), deadline)
        endpoint = jobs.endpoint(job) or activation_url(self._settings, spec.reference)
        health.wait(endpoint, deadline, every=self._poll_seconds)
        return Deployed(endpoint=endpoint, external_reference=spec.reference)

    def destroy(self, reference: str) -> None:
        references.check(reference)
        host = tenant_host(self._settings, reference)
        deadline = Deadline.within(self._settings.awx_provision_seconds)
        with connected(self._settings) as awx:
            last = next(iter(jobs.of_host(awx.jobs(*self._templates), host)), None)
            if last is not None and last.action == jobs.DESTROY and (last.is_active or last.status == jobs.SUCCESSFUL):
                self._follow(awx, last.id, deadline)
                return
            # what AWX no longer remembers may still stand, so the playbook also looks after what was never seen
            if last is not None and last.is_active:
                # what it builds while the other removes would stay
                awx.cancel(last.id)
                self._wait_for_end(awx, last.id, deadline)
            self._follow(awx, awx.launch(self._destroy_template, jobs.to_destroy(reference, host)), deadline)

    def healthy(self, endpoint: str) -> bool:
        return health.ask(endpoint) is not None

    def _deploying(self, awx: Controller, spec: DeploymentSpec) -> int:
        """The job that deploys it: one that does or did already, else one launched now."""
        host = tenant_host(self._settings, spec.reference)
        history = list(awx.jobs(*self._templates))
        last = next((each for each in jobs.of_host(history, host) if not each.was_given_up), None)
        if last is not None and last.action == jobs.DESTROY and last.is_active:
            message = f"AWX is still removing {spec.reference} (job {last.id})."
            raise ProvisioningFailed(message, permanent=False)
        if last is not None and jobs.serves(last, spec):
            return last.id
        launched = awx.launch(self._deploy_template, jobs.to_deploy(spec, host))
        # somebody else may have looked and launched at the same time: the first of both goes on
        since = jobs.of_host(awx.jobs(*self._templates, after=history[0]["id"] if history else 0), host)
        first = min([each.id for each in since if jobs.serves(each, spec)], default=launched)
        if first != launched:
            awx.cancel(launched)
        return first

    def _follow(self, awx: Controller, job_id: int, deadline: Deadline) -> dict[str, Any]:
        """The job once it was successful; one that takes too long is canceled. Raises ProvisioningFailed."""
        job = self._wait_for_end(awx, job_id, deadline)
        if job["status"] in jobs.ACTIVE:
            awx.cancel(job_id)
            message = f"The job {job_id} of AWX was canceled: it had not ended in time."
            raise ProvisioningFailed(message, permanent=False)
        if job["status"] != jobs.SUCCESSFUL:
            said = job.get("job_explanation") or awx.last_lines(job_id) or "no output"
            message = f"The job {job_id} of AWX ended as {job['status']}: {said}"
            raise ProvisioningFailed(message[:1000], permanent=not jobs.may_pass(job))
        return job

    def _wait_for_end(self, awx: Controller, job_id: int, deadline: Deadline) -> dict[str, Any]:
        """The job as it is when it has ended or the time is over."""
        job: dict[str, Any] = {}

        def has_ended() -> bool:
            job.update(awx.job(job_id))
            return job["status"] not in jobs.ACTIVE

        until(has_ended, within=deadline.left, every=self._poll_seconds)
        return job
