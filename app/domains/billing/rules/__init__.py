"""Pure decisions of the billing room: no database, no clock, no I/O.

days                  local days, calendar months on an anchor day, and the moment at which a day begins
cycles                the cycles that are sold, and a first period that begins at the moment itself
periods               periods that begin at local midnight and follow each other without gap, overlap or drift
amounts               exact fractions of money, rounded once
proration             a part of a period, shares that sum to the whole, credit and charge of a change of plan
items                 what is billed, with discount and tax, and what can be wrong with it
invoices              lines, totals, and what is owed per rate of tax
credits               credit notes: whole, in part, never more than the invoice
numbering             invoice numbers and their order without gaps
dunning               what follows a failed payment
methods               what may be kept as a payment method
renewals              who may renew, why not, and for how much
plans                 what a plan may be, and how it is subscribed to
subscription_states, invoice_states, payment_states, payable_states
                      what each state means, and from which others it is reached
"""

from app.domains.billing.rules.cycles import MONTHS_OF_CYCLE, first_period, period_end
from app.domains.billing.rules.numbering import PREFIX_LETTERS, series_prefix

__all__ = ["MONTHS_OF_CYCLE", "PREFIX_LETTERS", "first_period", "period_end", "series_prefix"]
