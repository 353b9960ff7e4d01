"""The edge: how a request becomes one transaction of one principal, and how everything is answered.

Rooms declare routes with `endpoint`; authentication, permission, validation, idempotency, pages, limits and problem
documents happen here, once.
"""
