"""Deployments on a Docker host: a network, a volume and a container per tenant, behind a Traefik."""
