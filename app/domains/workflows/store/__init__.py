"""The runtime of executions: start, claim, run, finish, fail, settle, undo, sweep.

PostgreSQL decides. Every function here works in one transaction that it is given, except `run`, which is the life of one
delivered message and opens the transactions that the form of its step asks for.
"""
