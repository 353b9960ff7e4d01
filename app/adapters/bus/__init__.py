"""The event bus: where domain events go after their commit."""
