"""The workers' side: one Celery task per operation, the engine's own tasks, and the processes that watch over both. Thin."""
