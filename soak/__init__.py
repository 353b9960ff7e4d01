"""A year of subscriptions on a clock that is moved, and whether the books say to the cent what they should.

contracts   who subscribes to what, when they stop, and when their cards fail
expected    what that comes to, worked out by itself: no code of the product
seller      the tenant that sells, and what its customers do
engine      workflows in one process: a broker in memory
year        day after day, with all that beat does
books       what the tables, the events and the gateway say in the end, beside what was expected
stack       the servers
"""
