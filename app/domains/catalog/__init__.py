"""What is sold, where, and for how much.

Owns services, prices, packages, package_items, regions and tax_rates. Invariants: a code exists once per owner; a
price is never negative nor finer than its currency's minor unit; a quote's total is the sum of its lines' totals, each
of which is `quantity * unit_price - discount_amount + tax_amount`, rounded half-up.
"""
