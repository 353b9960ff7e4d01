"""`turnup up`: everything on one machine, from nothing to an active sample order.

`command` is the way through; `kept` the secrets that are made once, `servers` what the processes need, `programs` the
processes, `readiness` whether they answer, `sample` the order, `addresses` what is printed at the end.
"""

from app.cli.up.command import up

__all__ = ["up"]
