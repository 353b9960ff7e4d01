"""Deployments on Kubernetes: a namespace per tenant, with all that runs for it inside."""
