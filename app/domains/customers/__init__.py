"""Who buys: customers with their addresses.

Owns customers and customer_addresses. Invariants: an e-mail address is one customer of the owner, and one of each of its
partners; a lead makes one customer; of each kind of address one is the primary; whoever was a customer is never a prospect
again, unless what made them one is undone. What refers to a customer by a foreign key keeps it from being deleted: it is
deactivated instead.
"""
