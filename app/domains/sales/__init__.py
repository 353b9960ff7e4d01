"""Sales: orders, from the first draft to the active service.

The room owns orders, order_items, order_history and order_statistics, and moves an order through its states as its execution
of `order_to_activation` goes on. Invariants: only the transitions of `rules.SOURCES` exist, in code and in the database; a
transition commits together with its timestamp, event, history row and statistics; an order's totals are the sums of its items;
an order has one execution at a time; a customer reads in `status_message` what happened, in words meant for them.
"""
