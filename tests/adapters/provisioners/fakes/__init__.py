"""Servers that answer as Kubernetes, AWX and Docker publish it: on sockets of their own, with state, and spoilt at will."""
