"""SMS: the port through which text messages leave, a gateway by HTTP behind it, and a spool folder where there is none.

Invariant: a text is handed over under the same id every time, by which the other side can tell a repetition.
"""
