"""Mail: the port through which messages leave, SMTP behind it, and how a stored message is handed over.

Invariant: one stored message is never in the hands of two senders at once, and carries the same Message-ID every time.
"""
