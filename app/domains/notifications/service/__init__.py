"""The verbs of the notifications room. None commits."""

from app.domains.notifications.service.delivering import deliver, undelivered
from app.domains.notifications.service.inbox import mark_all_read, mark_read, told
from app.domains.notifications.service.teams import all_teams, create_team, delete_team, get_team, seed, update_team
from app.domains.notifications.service.telling import Told, notify_operations, notify_team, who_was_told, withdraw

__all__ = [
    "Told",
    "all_teams",
    "create_team",
    "delete_team",
    "deliver",
    "get_team",
    "mark_all_read",
    "mark_read",
    "notify_operations",
    "notify_team",
    "seed",
    "told",
    "undelivered",
    "update_team",
    "who_was_told",
    "withdraw",
]
