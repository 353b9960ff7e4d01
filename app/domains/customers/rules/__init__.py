"""Pure decisions about customers: statuses, the form in which each field is kept, and what one is called by."""

from app.domains.customers.rules.fields import checked
from app.domains.customers.rules.new import EDITABLE, NewAddress, NewCustomer, full_name
from app.domains.customers.rules.references import NUMBER_PREFIX, read_reference
from app.domains.customers.rules.statuses import Status, is_legal
from app.domains.customers.rules.values import Kind

__all__ = [
    "EDITABLE",
    "NUMBER_PREFIX",
    "Kind",
    "NewAddress",
    "NewCustomer",
    "Status",
    "checked",
    "full_name",
    "is_legal",
    "read_reference",
]
