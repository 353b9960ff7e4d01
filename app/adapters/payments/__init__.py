"""Payments: one port, and behind it the sandbox, Stripe and bank transfers.

Invariant: money moves at most once per idempotency key. A call whose outcome is unknown is looked up by its key before
anything is tried again, and repeating it under the same key is harmless.
"""
