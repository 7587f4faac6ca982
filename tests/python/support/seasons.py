"""Seasons of three campaigns each, planned by the platform's SQL, where the true rates are known.

Each season is a domain of its own, so that many are planned and measured at once. Customers, arms
and what each would do are drawn once: a season with learning and one without differ in the plan
alone.
"""

from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from lift_models import build, campaign_rows, measured

CAMPAIGNS = 3
HELD_OUT = 0.2
EXPLORED = 0.03


@dataclass(frozen=True)
class Action:
    """An action, as the catalogue assumes it and as it is.

    Attributes:
        assumed: Beta of the save rate in the catalogue.
        saves: True save rate.
        contact: Cost of a contact, money.
        incentive: Cost of an accepted offer, money.
        accepts: Share of stayers that takes the offer, true and assumed.
    """

    assumed: tuple[float, float]
    saves: float
    contact: float
    incentive: float = 0.0
    accepts: float = 0.0

    def profit(self, risk, worth):
        """What contacting customers earns in truth, money each."""
        kept = risk * self.saves * (worth - self.incentive)
        return kept - (1 - risk) * self.accepts * self.incentive - self.contact


# The catalogue believes in the voucher; the call works, and the mail does harm to nobody's purse.
FAR = {
    "call": Action((2, 18), 0.40, 6.0),
    "voucher": Action((3, 7), 0.04, 0.05, 10.0, 0.7),
    "mail": Action((1, 24), 0.10, 0.05),
}
AS_ASSUMED = {
    name: Action(one.assumed, one.assumed[0] / sum(one.assumed), one.contact, one.incentive,
                 one.accepts)
    for name, one in FAR.items()
}  # fmt: skip


def seasons(count, customers, actions, *, learns, seed=1):
    """True profit of each season, money, of everybody whom its three campaigns contacted.

    Args:
        count: Seasons.
        customers: Customers of each campaign.
        actions: Name → action.
        learns: Whether a plan knows what earlier campaigns of the season showed.
        seed: Of the draws; the same seed gives the same customers.
    """
    rng = np.random.default_rng(seed)
    names = list(actions)
    profit = np.zeros(count)
    past: list[pd.DataFrame] = []
    for number in range(CAMPAIGNS):
        rows = count * customers
        people = pd.DataFrame(
            {
                "season": np.repeat(np.arange(count), customers),
                "customer_number": np.arange(rows),
                "churn_probability": rng.beta(2, 3, rows),
                "customer_value": rng.gamma(3, 25, rows),
            }
        )
        held_out, explores, draw = rng.random(rows) < HELD_OUT, rng.random(rows), rng.random(rows)
        leaves = rng.random(rows) < people["churn_probability"].to_numpy()
        is_saved = rng.random(rows)
        plan = _planned(people, actions, pd.concat(past) if learns and past else None)
        offered = plan.pivot(index="customer_number", columns="action_id", values="profit_cents")
        offered = offered.reindex(index=people["customer_number"], columns=names).to_numpy(float)
        best = offered.argmax(axis=1)
        chosen = offered.max(axis=1) > 0
        # of a few members the action is drawn among all that may be offered
        best = np.where(explores < EXPLORED, (draw * len(names)).astype(int), best)
        saves = np.array([actions[name].saves for name in names])[best]
        treated = chosen & ~held_out
        came = leaves & ~(treated & (is_saved < saves))
        risk, worth = (people[c].to_numpy() for c in ("churn_probability", "customer_value"))
        earned = np.choose(best, [actions[name].profit(risk, worth) for name in names])
        profit += np.bincount(people["season"], earned * treated, count)
        members = campaign_rows(1, rows).assign(
            campaign_id=[f"{one}-{number}" for one in people["season"]],
            domain=[f"s{one}" for one in people["season"]],
            customer_id=[f"{number}-{one}" for one in range(rows)],
            arm=np.where(held_out, "control", "treat"),
            holdout_per_mille=round(1000 * HELD_OUT),
            action_id=np.array(names)[best],
            churn_probability=risk,
            customer_value=worth,
            is_delivered=treated,
            is_churned=came,
        )
        past.append(members[chosen])
    return profit


def _planned(people, actions, past):
    """The platform's value of each action for each customer, in cents."""
    domains = [f"s{one}" for one in people["season"].unique()]
    betas = [(domain, name, *one.assumed) for domain in domains for name, one in actions.items()]
    none = campaign_rows(0, 0)
    with measured(none if past is None else past, catalogue=betas) as connection:
        _widen(connection, actions)
        customers = people.assign(
            domain=[f"s{one}" for one in people["season"]],
            as_of_date=pd.Timestamp("2020-01-01").date(),
            leaving_cost=people["customer_value"],
            gross_margin=1.0,
            theme_1="any",
        )
        connection.register("people", customers)
        connection.execute(
            "create table int_churn__contact_eligibility_checked as select *, "
            "cast(null as varchar) as theme_2, cast(null as varchar) as theme_3, "
            "cast(null as varchar) as exclusion, cast(null as date) as due_on from people"
        )
        connection.execute(
            "create table int_churn__action_conditions_met "
            "(customer_number bigint, condition varchar)"
        )
        connection.execute(
            "create table int_churn__assignments_kept (customer_number bigint, action_id varchar)"
        )
        build(connection, "plan/int_churn__actions_catalogued")
        build(connection, "plan/int_churn__actions_valued")
        return connection.execute(
            "select customer_number, action_id, profit_cents from int_churn__actions_valued "
            "where is_offered"
        ).df()


def _widen(connection: duckdb.DuckDBPyConnection, actions):
    """Give the catalogue the columns that a plan reads."""
    money = pd.DataFrame(
        [
            (name, one.contact, one.incentive, max(one.accepts, 1e-9), 1 - one.accepts)
            for name, one in actions.items()
        ],
        columns=["action_id", "contact_cost", "incentive_cost", "accept_alpha", "accept_beta"],
    )
    connection.register("money", money)
    connection.execute(
        """
        create or replace table retention_actions as
        select
            retention_actions.*, contact_cost, incentive_cost, accept_alpha, accept_beta,
            'any' as themes, cast(null as varchar) as condition, 'email' as channel,
            action_id as title, '' as message_hint, 0 as lead_days, 14 as cool_down_days,
            cast(null as double) as min_probability, cast(null as double) as max_probability,
            cast(null as double) as min_value, cast(null as double) as max_value,
            true as is_active, cast(null as bigint) as measured_customers,
            'assumed' as priors_source
        from retention_actions inner join money using (action_id)
        """
    )
