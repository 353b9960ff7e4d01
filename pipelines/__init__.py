"""The engine's mind: definitions, graph, expressions, canvas, retry and undo. Pure: no Flask, no SQLAlchemy, nothing of app."""
