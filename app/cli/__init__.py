"""The command `turnup`: everything on one machine by one command, and the services by hand.

Commands work on the services directly, as the operator or as the tenant that `--owner` names, and appear in the audit log as
`cli`. Errors are sentences on standard error; the exit code is 1, or 2 where the command line itself is wrong. With
`--json` a command prints one JSON document, in the shapes of the HTTP API.
"""

from app.cli.program import main

__all__ = ["main"]
