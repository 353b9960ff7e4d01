"""The outside world, one room per kind: a port, its implementations, its errors."""
