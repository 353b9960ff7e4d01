"""Database migrations (Alembic), from the first table on."""
