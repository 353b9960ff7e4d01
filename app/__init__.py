"""Turnup's application: orders go in, running services come out."""
