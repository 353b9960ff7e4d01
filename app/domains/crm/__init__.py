"""From a first contact to an order: leads, quotes, site surveys.

Owns leads, quotes, quote_items and site_surveys. Invariants: a lead makes one customer, however many ask and whoever asks
first; a lead has one open quote of the same content, a subscription one live renewal quote per period; a quote's price is
the sum of its lines' and stays what it was offered for; a quote is accepted while it is valid or not at all, and what was
accepted has a payable of its amount; a new quote becomes one order, a renewal quote none.
"""
