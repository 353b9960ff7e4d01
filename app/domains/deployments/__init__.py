"""What can be provisioned, and what was provisioned for whom.

Owns deployment_templates, package_templates and deployment_instances. Invariants: one default template per region
(and one for any region); a tenant has one live instance per environment, so provisioning twice finds the first; an
instance is active only after its health check answered; a destroyed instance keeps its row and nothing else.
"""
