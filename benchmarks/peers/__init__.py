"""The same work in plain Celery and in DBOS: what each side's processes run."""
