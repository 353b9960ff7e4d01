"""The business, one room per domain."""
