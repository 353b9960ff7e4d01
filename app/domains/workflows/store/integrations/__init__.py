"""Outside systems: a circuit breaker and a rate for each, shared by all workers and fair between tenants.

An integration is one system for the whole installation, so it has one breaker: that a payment gateway is down is learnt once
and not by each tenant anew. What only one tenant does wrong (its credentials, its data) is a permanent error, which no
breaker counts; systems that fail apart are integrations of different names.

A step that may not call its system now is held back: a pending row that names the integration, far from the sweeper's
reach (`not_before`) and in no broker. It costs no attempt. The admission lets held steps go, one of each tenant before the
second of any.

- `rates`: how many calls the limit leaves; counted in Redis, and not limited while that is away.
- `breaker`: what the row says and becomes. The database decides, each change in a transaction of its own.
- `gate`: what an attempt asks before it begins, and tells when it has ended.
- `hold`: the write that holds a step back.
- `admission`: whose turn it is.
"""
