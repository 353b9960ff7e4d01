"""Tickets: what customers, the tenant, its partners and the platform ask of one another, until it is done.

Owns tickets, ticket_messages, ticket_events and sla_targets. Invariants: a ticket goes one of six ways and no other; one key
of an owner is one ticket; every change of a ticket is an event that is never rewritten; the clock against its target runs
while it is open or in progress, and at no other time; an installation is approved once.
"""
