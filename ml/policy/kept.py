"""A learned policy as one JSON document."""

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict

from ml.policy.learn import LearnedPolicy
from ml.policy.rates import arm_rates_from
from ml.policy.worth import ContactPrices, PolicyWorth

FORMAT = 1


class KeptWorth(BaseModel):
    """`PolicyWorth` in the document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    total: float
    standard_error: float
    contacts: float


class KeptPolicy(BaseModel):
    """The document of a learned policy.

    Attributes:
        format: Version of the document.
        features: What it reads, in order.
        arms: Names of the arms, the control first.
        contact_cost: Cost of a contact.
        sale_value: Value of the outcome.
        single: The best action for everybody, a position in `arms`.
        gain: What effects per customer earn more than it, per customer.
        gain_error: Standard error of the gain.
        worth: What the policy earned on held-out customers.
        single_worth: What each arm for everybody earned.
        customers: Customers of the trial.
        forests: LightGBM models of each arm; none if no difference between customers was found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    features: tuple[str, ...]
    arms: tuple[str, ...]
    contact_cost: float
    sale_value: float
    single: int
    gain: float
    gain_error: float
    worth: KeptWorth
    single_worth: tuple[KeptWorth, ...]
    customers: int
    forests: list[list[str]] | None


def to_document(policy: LearnedPolicy) -> dict[str, Any]:
    """Return a policy as a document of JSON."""
    return {
        "format": FORMAT,
        "features": list(policy.features),
        "arms": list(policy.arms),
        "contact_cost": policy.prices.contact_cost,
        "sale_value": policy.prices.sale_value,
        "single": policy.single,
        "gain": policy.gain,
        "gain_error": policy.gain_error,
        "worth": asdict(policy.worth),
        "single_worth": [asdict(one) for one in policy.single_worth],
        "customers": policy.customers,
        "forests": policy.rates.texts() if policy.rates else None,
    }


def from_document(kept: KeptPolicy) -> LearnedPolicy:
    """Return the policy of a document."""
    return LearnedPolicy(
        features=kept.features,
        arms=kept.arms,
        prices=ContactPrices(kept.contact_cost, kept.sale_value),
        single=kept.single,
        rates=None if kept.forests is None else arm_rates_from(kept.forests),
        gain=kept.gain,
        gain_error=kept.gain_error,
        worth=PolicyWorth(**kept.worth.model_dump()),
        single_worth=tuple(PolicyWorth(**one.model_dump()) for one in kept.single_worth),
        customers=kept.customers,
    )
