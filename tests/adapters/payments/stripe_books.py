"""What Stripe's API keeps and decides, as its documentation tells it: https://docs.stripe.com/api.

Customers, payment methods, payment intents, charges, refunds, events. HTTP, keys and faults are stripe_server's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

Json = dict[str, Any]

ZERO_DECIMAL = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
THREE_DECIMAL = {"bhd", "jod", "kwd", "omr", "tnd"}
ALWAYS_00 = {"isk", "ugx"}
REFUNDABLE = {"succeeded"}
CANCELABLE = {"requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing"}

DECLINES: dict[str, tuple[str, str | None, str]] = {
    "pm_card_visa_chargeDeclined": ("card_declined", "generic_decline", "Your card was declined."),
    "pm_card_visa_chargeDeclinedInsufficientFunds": (
        "card_declined",
        "insufficient_funds",
        "Your card has insufficient funds.",
    ),
    "pm_card_visa_chargeDeclinedLostCard": ("card_declined", "lost_card", "Your card was declined."),
    "pm_card_visa_chargeDeclinedStolenCard": ("card_declined", "stolen_card", "Your card was declined."),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", None, "Your card has expired."),
    "pm_card_chargeDeclinedProcessingError": (
        "processing_error",
        None,
        "An error occurred while processing your card. Try again in a little bit.",
    ),
}
NEEDS_AUTHENTICATION = "pm_card_authenticationRequired"
TEST_METHODS = {"pm_card_visa", "pm_card_mastercard", NEEDS_AUTHENTICATION, *DECLINES}


class ApiError(Exception):
    """An answer that is an error: the HTTP status and the error object."""

    def __init__(self, status: int, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        kind = "card_error" if status == 402 else "invalid_request_error"
        self.error: Json = {"type": kind, "message": message}
        self.error |= {name: value for name, value in fields.items() if value is not None}


class StripeBooks:
    """Everything of one account. Not safe for threads: the server asks one after the other."""

    def __init__(self) -> None:
        self.customers: dict[str, Json] = {}
        self.methods: dict[str, Json] = {}
        self.intents: dict[str, Json] = {}
        self.charges: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}
        self.events: list[Json] = []
        self.searchable: Callable[[Json], bool] = lambda _: True
        """Which payment intents Stripe's search has got to; it lags behind."""

    def charged(self, key: str) -> list[Json]:
        """The charges that went through under an idempotency key of Turnup's."""
        return [
            charge for charge in self.charges.values() if charge["paid"] and charge["metadata"]["turnup_key"] == key
        ]

    # customers and payment methods

    def create_customer(self, params: Json) -> Json:
        customer = _object("cus", "customer", name=params.get("name"), email=params.get("email"))
        return self.customers.setdefault(customer["id"], customer)

    def customer(self, identifier: str) -> Json:
        return _known(self.customers, identifier, "customer")

    def method(self, identifier: str) -> Json:
        if identifier in TEST_METHODS:
            return {"id": identifier, "object": "payment_method", "type": "card", "customer": None, "test": identifier}
        return _known(self.methods, identifier, "PaymentMethod", code="resource_missing")

    def attach(self, identifier: str, params: Json) -> Json:
        """A test payment method that is attached becomes one of the customer's own."""
        method = self.method(identifier)
        customer = self.customer(_required(params, "customer"))
        if method["customer"] not in {None, customer["id"]}:
            raise ApiError(400, "The payment method you provided has already been attached to a customer.")
        own = method if identifier in self.methods else {**method, **_object("pm", "payment_method")}
        own["customer"] = customer["id"]
        return self.methods.setdefault(own["id"], own)

    # payment intents

    def create_intent(self, params: Json) -> Json:
        amount, currency = _money(params)
        intent = _object(
            "pi",
            "payment_intent",
            amount=amount,
            amount_received=0,
            currency=currency,
            customer=_named(params, "customer", self.customer),
            description=params.get("description"),
            last_payment_error=None,
            latest_charge=None,
            metadata=params.get("metadata", {}),
            next_action=None,
            payment_method=_named(params, "payment_method", self.method),
            status="requires_confirmation" if params.get("payment_method") else "requires_payment_method",
        )
        self.intents[intent["id"]] = intent
        self._tell("payment_intent.created", intent)
        return self.confirm(intent["id"], params) if params.get("confirm") == "true" else self._expanded(intent, params)

    def confirm(self, identifier: str, params: Json) -> Json:
        intent = self._in(
            identifier, {"requires_confirmation", "requires_payment_method", "requires_action"}, "confirm"
        )
        name = _named(params, "payment_method", self.method) or intent["payment_method"]
        if not name:
            raise ApiError(400, "You cannot confirm this PaymentIntent because it's missing a payment method.")
        method = self.method(name)
        if method["customer"] not in {None, intent["customer"]}:
            raise ApiError(400, "The provided PaymentMethod belongs to another customer.", param="payment_method")
        intent["payment_method"] = method["id"]
        if method["test"] == NEEDS_AUTHENTICATION:
            if params.get("off_session") != "true":
                intent["status"], intent["next_action"] = "requires_action", {"type": "use_stripe_sdk"}
                self._tell("payment_intent.requires_action", intent)
                return self._expanded(intent, params)
            code = "authentication_required"
            self._decline(intent, code, code, "Your card was declined. This transaction requires authentication.")
        if method["test"] in DECLINES:
            self._decline(intent, *DECLINES[method["test"]])
        return self._expanded(self._take(intent), params)

    def authenticate(self, identifier: str) -> Json:
        """What the customer does in the browser."""
        return self._take(self._in(identifier, {"requires_action"}, "authenticate"))

    def cancel(self, identifier: str, params: Json) -> Json:
        intent = self._in(identifier, CANCELABLE, "cancel")
        intent["status"] = "canceled"
        self._tell("payment_intent.canceled", intent)
        return self._expanded(intent, params)

    def intent(self, identifier: str, params: Json) -> Json:
        return self._expanded(_known(self.intents, identifier, "payment_intent"), params)

    def list_intents(self, params: Json) -> Json:
        wanted = (each for each in self.intents.values() if params.get("customer") in {None, each["customer"]})
        return self._page(wanted, params, "/v1/payment_intents")

    def search_intents(self, params: Json) -> Json:
        query = re.fullmatch(r"metadata\['(\w+)'\]:'(.*)'", _required(params, "query"))
        if query is None:
            raise ApiError(400, "We were unable to parse your search query.", param="query")
        name, value = query[1], re.sub(r"\\(.)", r"\1", query[2])
        found = [
            self._expanded(each, params)
            for each in self.intents.values()
            if self.searchable(each) and each["metadata"].get(name) == value
        ]
        return {"object": "search_result", "url": "/v1/payment_intents/search", "has_more": False, "data": found}

    # refunds

    def create_refund(self, params: Json) -> Json:
        intent = _known(self.intents, _required(params, "payment_intent"), "payment_intent")
        charge = self.charges.get(intent["latest_charge"] or "")
        if charge is None or not charge["paid"]:
            message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
            raise ApiError(400, message, code="payment_intent_unexpected_state", param="payment_intent")
        left = charge["amount"] - charge["amount_refunded"]
        if not left:
            message = f"Charge {charge['id']} has already been refunded."
            raise ApiError(400, message, code="charge_already_refunded")
        amount = _whole(params, "amount") if "amount" in params else left
        if amount > left:
            message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            raise ApiError(400, message, param="amount")
        refund = _object(
            "re",
            "refund",
            amount=amount,
            charge=charge["id"],
            currency=charge["currency"],
            metadata=params.get("metadata", {}),
            payment_intent=intent["id"],
            status="succeeded",
        )
        charge["amount_refunded"] += amount
        self.refunds[refund["id"]] = refund
        self._tell("refund.created", refund)
        return refund

    def refund(self, identifier: str) -> Json:
        return _known(self.refunds, identifier, "refund")

    def list_refunds(self, params: Json) -> Json:
        of = params.get("payment_intent")
        wanted = (each for each in self.refunds.values() if of in {None, each["payment_intent"]})
        return self._page(wanted, params, "/v1/refunds")

    # the rest

    def balance(self) -> Json:
        return {"object": "balance", "available": [], "pending": [], "livemode": False}

    def list_events(self, params: Json) -> Json:
        return self._page(iter(self.events), params, "/v1/events")

    def _in(self, identifier: str, states: set[str], verb: str) -> Json:
        intent = _known(self.intents, identifier, "payment_intent")
        if intent["status"] not in states:
            message = f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}."
            raise ApiError(400, message, code="payment_intent_unexpected_state", payment_intent=intent)
        return intent

    def _take(self, intent: Json) -> Json:
        charge = self._charge(intent, paid=True)
        intent.update(status="succeeded", next_action=None, amount_received=charge["amount"])
        self._tell("payment_intent.succeeded", intent)
        return intent

    def _decline(self, intent: Json, code: str, decline_code: str | None, message: str) -> None:
        charge = self._charge(intent, paid=False)
        error = ApiError(402, message, code=code, decline_code=decline_code, charge=charge["id"])
        intent.update(status="requires_payment_method", payment_method=None, last_payment_error=dict(error.error))
        self._tell("payment_intent.payment_failed", intent)
        error.error["payment_intent"] = dict(intent)
        raise error

    def _charge(self, intent: Json, *, paid: bool) -> Json:
        charge = _object(
            "ch",
            "charge",
            amount=intent["amount"],
            amount_refunded=0,
            currency=intent["currency"],
            metadata=intent["metadata"],
            paid=paid,
            payment_intent=intent["id"],
            status="succeeded" if paid else "failed",
        )
        self.charges[charge["id"]] = charge
        intent["latest_charge"] = charge["id"]
        return charge

    def _expanded(self, intent: Json, params: Json) -> Json:
        asked = {name.removeprefix("data.") for name in params.get("expand", [])}
        if "latest_charge" in asked and intent["latest_charge"]:
            return {**intent, "latest_charge": dict(self.charges[intent["latest_charge"]])}
        return dict(intent)

    def _page(self, objects: Iterator[Json], params: Json, url: str) -> Json:
        """Newest first; `starting_after` is the last one of the page before."""
        newest = list(objects)[::-1]
        if after := params.get("starting_after"):
            newest = newest[[each["id"] for each in newest].index(after) + 1 :]
        limit = int(params.get("limit", 10))
        data = [self._expanded(each, params) if each["object"] == "payment_intent" else each for each in newest[:limit]]
        return {"object": "list", "url": url, "has_more": len(newest) > limit, "data": data}

    def _tell(self, kind: str, subject: Json) -> None:
        self.events.append(_object("evt", "event", type=kind, data={"object": dict(subject)}))


def _object(prefix: str, kind: str, **fields: Any) -> Json:
    return {
        "id": f"{prefix}_{uuid4().hex[:24]}",
        "object": kind,
        "created": int(time.time()),
        "livemode": False,
        **fields,
    }


def _known(objects: dict[str, Json], identifier: str, kind: str, code: str = "resource_missing") -> Json:
    try:
        return objects[identifier]
    except KeyError:
        raise ApiError(404, f"No such {kind}: '{identifier}'", code=code) from None


def _named(params: Json, name: str, find: Callable[[str], Json]) -> str | None:
    """The id of what a parameter names. What is not there is a fault of the parameter, not of the address."""
    if not params.get(name):
        return None
    try:
        return str(find(params[name])["id"])
    except ApiError as error:
        raise ApiError(400, str(error), code=error.error.get("code"), param=name) from None


def _required(params: Json, name: str) -> str:
    if name not in params:
        raise ApiError(400, f"Missing required param: {name}.", code="parameter_missing", param=name)
    return str(params[name])


def _whole(params: Json, name: str) -> int:
    given = _required(params, name)
    if not given.isdecimal() or int(given) < 1:
        raise ApiError(400, f"Invalid positive integer: {given}", code="parameter_invalid_integer", param=name)
    return int(given)


def _money(params: Json) -> tuple[int, str]:
    amount, currency = _whole(params, "amount"), _required(params, "currency")
    if currency != currency.lower() or len(currency) != 3:
        raise ApiError(400, f"Invalid currency: {currency}.", param="currency")
    if (currency in THREE_DECIMAL and amount % 10) or (currency in ALWAYS_00 and amount % 100):
        raise ApiError(400, "Invalid amount.", code="invalid_charge_amount_no_decimal_compatible", param="amount")
    return amount, currency
