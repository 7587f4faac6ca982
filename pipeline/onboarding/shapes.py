"""What a kind wants to know of the files: the roles that columns can play."""

from pipeline.onboarding.columns import FoundColumn
from pipeline.onboarding.roles import Role


def _is_id(column: FoundColumn) -> bool:
    return column.holds in ("text", "whole number") and column.distinct > 1


def _is_code(column: FoundColumn) -> bool:
    return column.holds in ("text", "whole number")


def _is_number(column: FoundColumn) -> bool:
    return column.is_number


def _is_time(column: FoundColumn) -> bool:
    return column.is_time


def _has_few_words(column: FoundColumn) -> bool:
    return column.holds == "text" and 1 <= len(column.values) <= 20


def _is_flag(column: FoundColumn) -> bool:
    return column.holds == "yes or no" or {value for value, _ in column.values} == {"0"}


CUSTOMER = Role(
    "customer",
    "the customer's id",
    (
        r"(customer|client|user|member|buyer|subscriber|shopper|account|contact)_?(id|no|nr|number|key)$",
        r"^(customer|client|user|member|buyer|subscriber|shopper|account)$",
        r"customer",
        r"client",
        r"member",
        r"user",
        r"buyer",
        r"subscriber",
        r"shopper",
        r"msno",
        r"account",
        r"caller",
        r"e_?mail",
        r"^cust",
        r"^(loyalty_)?card",
    ),
    _is_id,
    is_needed=True,
)
# The columns of a table of orders, and what else it may have.
ORDERS = (
    CUSTOMER,
    Role(
        "time",
        "the day or the moment of an order",
        (
            r"(order|purchase|invoice|transaction|event|sale)_?\w*(date|time|day|at|on)$",
            r"^(date|day|time|timestamp|moment)$",
            r"(created|placed|paid|ordered|bought)",
            r"date",
            r"time",
            r"day",
        ),
        _is_time,
        is_needed=True,
        is_lone=True,
    ),
    Role(
        "order",
        "the order's id; lines with the same one are one order",
        (
            r"(order|invoice|receipt|basket|transaction|ticket|bill|checkout)_?(id|no|nr|number|key|ref)$",
            r"^(order|invoice|receipt|basket|transaction|ticket|bill)$",
            r"session",
        ),
        _is_id,
    ),
    Role(
        "type",
        "what a row is, where not every row is an order",
        (
            r"^(event|order|transaction|row|line)?_?(type|kind|event|status|state)$",
            r"event_type",
        ),
        _has_few_words,
    ),
    Role(
        "refund",
        "whether a row gives money back",
        (
            r"(is_|was_)?(return|refund)(ed|s)?$",
            r"credit_note",
            r"is_return",
            r"is_refund",
        ),
        _is_flag,
    ),
    Role(
        "amount",
        "the amount of a row, over all its units",
        (
            r"^(total|amount|revenue|sales|turnover|spent|value|money|net|gross)$",
            r"(total|amount|revenue|sales|turnover|spent|money|paid)(?!.*(tax|discount|shipping|count))",
            r"value",
        ),
        _is_number,
    ),
    Role(
        "price",
        "the price of one unit",
        (
            r"^(unit_?)?price$",
            r"unit_price",
            r"price(?!.*(list|old|regular))",
        ),
        _is_number,
    ),
    Role(
        "quantity",
        "the units of a row",
        (
            r"^(quantity|qty|units|pieces)$",
            r"quantity",
            r"qty",
            r"units",
            r"pieces",
            r"items",
            r"^cds$",
            r"number_of",
        ),
        lambda column: column.holds == "whole number",
    ),
    Role(
        "product",
        "the product",
        (
            r"(product|sku|article|item|stock|variant)_?(id|no|nr|number|code|key)$",
            r"^(product|sku|article|item|stockcode|ean)$",
        ),
        _is_code,
    ),
    Role(
        "department",
        "the group of the product",
        (
            r"category_code",
            r"category",
            r"department",
            r"product_group",
            r"^group$",
            r"section",
        ),
        _is_code,
    ),
    Role(
        "brand",
        "the brand",
        (
            r"^brand",
            r"vendor",
            r"manufacturer",
            r"^label$",
        ),
        _is_code,
    ),
    Role("currency", "the currency", (r"currency",), lambda column: column.holds == "text"),
)
# Words for a row that is an order, and for one that gives money back.
ORDER_WORDS = {
    "purchase",
    "purchased",
    "order",
    "ordered",
    "sale",
    "sold",
    "buy",
    "bought",
    "paid",
    "completed",
    "complete",
    "shipped",
    "delivered",
    "fulfilled",
    "transaction",
    "topup",
}
REFUND_WORDS = {
    "refund",
    "refunded",
    "return",
    "returned",
    "credit",
    "credit note",
    "chargeback",
    "reversal",
}
