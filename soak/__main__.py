"""`python -m soak`: a year of many subscriptions in one process, and whether the books are right to the cent."""

from __future__ import annotations

import logging
import secrets
import sys
import time
from datetime import date

import click
from rich.console import Console
from rich.table import Table

from soak import books
from soak.contracts import CURRENCIES, FIRST_DAY, LAST_DAY, population
from soak.engine import Broker
from soak.expected import expected, revenue
from soak.seller import Seller
from soak.stack import world_of
from soak.year import days, pass_days, work_here

MOST_SHOWN = 50
MONTH_ENDS_SHOWN = 1


@click.command()
@click.option("--subscriptions", default=10_000, envvar="SUBSCRIPTIONS", show_default=True, help="how many contracts")
@click.option("--seed", type=int, envvar="SEED", help="repeats the contracts of another run; default: a random one")
def main(*, subscriptions: int, seed: int | None) -> None:
    """Sell subscriptions, live through more than a year day by day, and compare the books with a calculation of their own.

    Ends with status 1 when any invoice, payment, notice, renewal or state is not as it should be.
    """
    console = Console(width=None if sys.stdout.isatty() else 160)
    logging.getLogger().setLevel(logging.ERROR)
    chosen = secrets.randbelow(2**32) if seed is None else seed
    console.print(f"SEED={chosen}: {subscriptions} contracts from {FIRST_DAY} to {LAST_DAY}")
    contracts = population(subscriptions, seed=chosen)
    broker = Broker()
    begun = time.monotonic()

    def say(day: date) -> None:
        if day.day == MONTH_ENDS_SHOWN:
            console.print(f"{day}  after {time.monotonic() - begun:.0f} s")

    with world_of(broker) as world:
        seller = Seller(world, contracts)
        seller.open()
        pass_days(seller, days(FIRST_DAY, LAST_DAY), lambda: work_here(world, broker), say=say)
        grace = world.settings.renewal_grace_days
        wanted = {each.number: expected(each, until=LAST_DAY, grace_days=grace) for each in contracts}
        found = list(books.differences(seller, wanted))
        sums = (revenue(wanted, contracts), books.taken(seller), books.taken_at_gateway(world.settings.var_dir))
    table = Table("currency", "calculated", "in the tables", "at the gateway", title="revenue, in the smallest unit")
    for currency in sorted(CURRENCIES):
        table.add_row(currency, *(f"{each[currency]:,}" for each in sums))
    console.print(table)
    for sentence in found[:MOST_SHOWN]:
        console.print(sentence, markup=False, style="red")
    is_right = not found and sums[0] == sums[1] == sums[2]
    console.print(f"{len(found)} differences, in {time.monotonic() - begun:.0f} s; SEED={chosen}")
    sys.exit(0 if is_right else 1)


if __name__ == "__main__":
    main()
