"""The servers of `make up` and of the tests, and the supervisor that runs them.

Real programs out of Python packages, with nothing installed on the machine: PostgreSQL, Valkey (a Redis) and an SMTP
server that keeps its mails. Each keeps everything it owns in one folder, listens on 127.0.0.1 only, behind a generated
password, and starts again after any kind of end: stopped, killed, half made. A server that a URL in the environment
names always wins; deciding that is the caller's.
"""
