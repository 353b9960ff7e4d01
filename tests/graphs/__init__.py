"""Graphs on real workers against a plain model of the semantics: the long form, `python -m tests.graphs`."""
