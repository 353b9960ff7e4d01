"""Mail: the port through which mails leave, and SMTP behind it.

Invariant: a stored message carries the same Message-ID every time that it is handed over.
"""
