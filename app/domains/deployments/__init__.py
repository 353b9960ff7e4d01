"""What can be provisioned, what was provisioned for whom, and when it may begin.

Owns deployment_templates, package_templates, deployment_instances, maintenance_windows and scheduled_deployments.
Invariants: one default template per region (and one for any region); a tenant has one live instance per environment, so
provisioning twice finds the first; a customer has one tenant per template and region, made and removed together with its
instance; an instance is active only after its health check answered; a destroyed instance keeps its row and nothing else.
An order waits for one time, which is told once when it comes, and only while a maintenance window is open.
"""
