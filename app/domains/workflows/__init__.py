"""Workflows: definitions, their versions, and the executions that run them.

The room owns the state of every execution. Invariants: a version is immutable; an execution pins a snapshot of its expanded
definition; every transition of a step or execution is a compare-and-set that writes a history row in the same transaction;
a step's effects, output, status, events and messages commit together; exactly one settle decides what an execution becomes.
"""
