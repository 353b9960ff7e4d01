"""The fault programme's plugin: operations whose effects somebody else counts, and places where a process may die."""
