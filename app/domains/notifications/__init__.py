"""Notifications: what the installation's own teams are told.

The room owns notifications. Invariants: one key of an owner is one notification; it is stored in the transaction that raises
it and delivered after its commit; what could not be delivered is `failed` and says why.
"""
