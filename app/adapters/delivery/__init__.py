"""Delivery: how a stored message is handed over to the outside, whatever carries it.

Invariant: one stored message is never in the hands of two senders at once.
"""
