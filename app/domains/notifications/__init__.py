"""Notifications: teams are told what happens, each member in the product and the team by its channels.

The room owns teams, their channels and notifications. Invariants: a notification is stored in the transaction that wants it
and delivered after its commit; one key of an owner is one notification; each channel has an outcome of its own, and one that
has taken the notification is not told again; nothing is said to nobody: what no member and no channel would learn goes to
operations by mail. A channel's address is sealed and never shown again.
"""
