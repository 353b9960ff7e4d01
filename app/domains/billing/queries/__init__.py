"""Reads of the billing room, and the choice of rows that beat works on."""

from app.domains.billing.queries.accounts import MAX_SUBSCRIPTIONS, account_of, series_of, subscriptions_of
from app.domains.billing.queries.due import Due, DueRows, find_due, to_announce, to_expire, to_renew, trials_over
from app.domains.billing.queries.plans import all_plans, plan, plan_by_code
from app.domains.billing.queries.subscriptions import (
    all_subscriptions,
    extension_by,
    extensions,
    held_for,
    locked_of,
    subscription,
    subscription_for,
)

__all__ = [
    "MAX_SUBSCRIPTIONS",
    "Due",
    "DueRows",
    "account_of",
    "all_plans",
    "all_subscriptions",
    "extension_by",
    "extensions",
    "find_due",
    "held_for",
    "locked_of",
    "plan",
    "plan_by_code",
    "series_of",
    "subscription",
    "subscription_for",
    "subscriptions_of",
    "to_announce",
    "to_expire",
    "to_renew",
    "trials_over",
]
