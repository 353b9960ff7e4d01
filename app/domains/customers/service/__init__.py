"""The verbs of the customers room. None commits; all run as the session's owner."""

from app.domains.customers.models import Customer, CustomerAddress
from app.domains.customers.rules import Kind, NewAddress, NewCustomer, Status
from app.domains.customers.service.changing import (
    activate_customer,
    deactivate_customer,
    take_back_activation,
    update_customer,
)
from app.domains.customers.service.creating import create_customer
from app.domains.customers.service.deleting import Removal, delete_customer
from app.domains.customers.service.reading import (
    find_by_reference,
    find_customer,
    get_customer,
    list_customers,
    lock_customer,
)

__all__ = [
    "Customer",
    "CustomerAddress",
    "Kind",
    "NewAddress",
    "NewCustomer",
    "Removal",
    "Status",
    "activate_customer",
    "create_customer",
    "deactivate_customer",
    "delete_customer",
    "find_by_reference",
    "find_customer",
    "get_customer",
    "list_customers",
    "lock_customer",
    "take_back_activation",
    "update_customer",
]
