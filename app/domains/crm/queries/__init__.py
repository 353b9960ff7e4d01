"""Reads of the crm room, of the session's owner only where it has one."""
