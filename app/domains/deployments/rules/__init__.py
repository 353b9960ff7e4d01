"""Pure decisions: which template a deployment gets and how it may change, what a customer's tenant is called and looks like, and when."""

from app.domains.deployments.rules.brands import Brand, read_brand
from app.domains.deployments.rules.naming import slugs
from app.domains.deployments.rules.states import PRODUCTION, SOURCES, ScheduleState, State
from app.domains.deployments.rules.templates import (
    DEPLOYMENT_TYPES,
    LONGEST_SECONDS,
    SHORTEST_SECONDS,
    Candidate,
    Choice,
    Wish,
    choose,
)
from app.domains.deployments.rules.times import NoTime, is_meant, planned, read_time
from app.domains.deployments.rules.windows import (
    LONGEST_MINUTES,
    SHORTEST_MINUTES,
    WEEKDAYS,
    Window,
    applicable,
    is_open,
    next_minute,
    next_moment,
    zone_named,
)

__all__ = [
    "DEPLOYMENT_TYPES",
    "LONGEST_MINUTES",
    "LONGEST_SECONDS",
    "PRODUCTION",
    "SHORTEST_MINUTES",
    "SHORTEST_SECONDS",
    "SOURCES",
    "WEEKDAYS",
    "Brand",
    "Candidate",
    "Choice",
    "NoTime",
    "ScheduleState",
    "State",
    "Window",
    "Wish",
    "applicable",
    "choose",
    "is_meant",
    "is_open",
    "next_minute",
    "next_moment",
    "planned",
    "read_brand",
    "read_time",
    "slugs",
    "zone_named",
]
