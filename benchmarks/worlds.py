"""`python -m benchmarks.worlds`: the plan's true profit on a demo, in three worlds.

A demo's outcomes are draws from known probabilities, so a treated customer's expected profit is
known once a world defines how customers respond. The plan sees neither: it uses the model's
probabilities, the catalogue's rates and what leaving costs by thirds of value. Here that is
measured by fifths of value and thirds of the true risk: who is likely to leave buys less when
staying, too.
"""

import sys
from dataclasses import dataclass
from typing import Annotated

import duckdb
import typer
from rich.console import Console
from rich.table import Table

from cli.common import console, show_error
from pipeline.project.codes import titles
from pipeline.project.domains import domain_entries
from pipeline.project.duck import file_sql
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home, home
from pipeline.retention.plan import PlanChanges, planning

BUDGETS = (0.25, 1.0, 4.0)
# How customers respond: the save rate, and the share of contacted stayers that the contact drives
# away, as SQL of the true probability p and the catalogue's rate.
WORLDS = {
    "as the catalogue says": ("save_rate", "0"),
    "save rates half of it": ("save_rate / 2", "0"),
    "riskier are harder to save, 2 in 100 stayers are driven away": (
        "save_rate * (1 - 0.8 * p)",
        "0.02",
    ),
}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class WorldOutcome:
    """The profit of one policy in one world at one budget.

    Attributes:
        world: Name of the world.
        budget: Expected spend allowed, in the domain's currency.
        strategy: The policy.
        customers: Customers treated.
        profit: True expected profit, in the domain's currency.
    """

    world: str
    budget: float
    strategy: str
    customers: int
    profit: float


def compare(where: Home, domain: str) -> list[WorldOutcome]:
    """Return the true expected profit of every strategy, world and budget.

    Profit of a treated customer with true churn probability p (the formula of
    `int_churn__actions_valued`, less the margin of stayers whom the contact drives away):
    p·save·(margin − offer) − (1 − p)·accept·offer − contact − (1 − p)·woken·margin.

    Args:
        where: CHURN_HOME of a demo after a run.
        domain: Domain.

    Raises:
        ChurnError: There is no truth for the scored customers.
    """
    truth = where.demo_truth / f"{domain}.parquet"
    if not truth.exists():
        raise ChurnError(
            f"{domain} has no hidden truth here.", where=str(truth), hint="Run churn demo first."
        )
    base = float(domain_entries()[domain].retention.budget)
    outcomes, strategies = [], titles("strategy")
    for share in BUDGETS:
        with planning(where, domain, PlanChanges(budget=base * share)) as connection:
            _losses(connection, str(truth), domain)
            _truths(connection, str(truth), domain)
            for world, (save, woken) in WORLDS.items():
                found = dict.fromkeys(strategies, (0, 0.0))
                found |= _profits(connection, save, woken)
                outcomes += [
                    WorldOutcome(world, base * share, strategy, *found[strategy])
                    for strategy in strategies
                ]
    return outcomes


def _losses(connection: duckdb.DuckDBPyConnection, truth: str, domain: str) -> None:
    """Create `losses`: what is lost per customer of the scored cohort who leaves.

    Over the plan's own horizon, on the year of monthly cohorts that show all of it. A group of
    fewer than 30 stayers or leavers takes the shares of its fifth of value.
    """
    connection.execute(
        f"""
        create table losses as
        with horizon as (
            select live.as_of_date, max(measured.horizon_days) as days
            from warehouse.churn.int_churn__live_runs_selected as live
            inner join warehouse.churn.int_churn__leaving_costs_measured as measured
                using (domain, as_of_date)
            where live.domain = '{domain}'
            group by all
        ),
        people as (
            select
                customer_id, examples.as_of_date, examples.is_churned, examples.customer_value,
                ntile(5) over (
                    partition by examples.as_of_date order by customer_value, customer_id
                ) as value_fifth,
                ntile(3) over (
                    partition by examples.as_of_date order by truth.churn_probability, customer_id
                ) as risk_third
            from warehouse.churn.int_churn__examples_unioned as examples
            inner join read_parquet({file_sql(truth)}) as truth
                using (customer_id, as_of_date)
            inner join warehouse.churn.int_churn__live_runs_selected as live
                on live.domain = examples.domain
                and starts_with(live.label_definition, truth.outcome)
            where examples.domain = '{domain}' and customer_value is not null
                and day(examples.as_of_date) = 1
        ),
        paid as (
            select
                people.value_fifth, people.risk_third, people.is_churned, people.customer_value,
                coalesce((
                    select sum(amount_cents) / 100
                    from warehouse.churn.int_churn__revenue_days_unioned as revenue
                    where revenue.domain = '{domain}'
                        and revenue.customer_id = people.customer_id
                        and revenue.booked_on >= people.as_of_date
                        and revenue.booked_on < people.as_of_date + cast(horizon.days as integer)
                ), 0) as revenue
            from people, horizon
            where people.is_churned is not null
                and people.as_of_date between horizon.as_of_date - 366 - cast(days as integer)
                    and horizon.as_of_date - cast(days as integer)
        ),
        shares as (
            select
                value_fifth, risk_third,
                sum(revenue) filter (where not is_churned)
                    / sum(customer_value) filter (where not is_churned)
                - sum(revenue) filter (where is_churned)
                    / sum(customer_value) filter (where is_churned) as share,
                least(count(*) filter (where is_churned), count(*) filter (where not is_churned))
                    as fewest
            from paid
            group by grouping sets ((value_fifth, risk_third), (value_fifth))
        )
        select
            people.customer_id,
            people.customer_value
            * case when own.fewest >= 30 then own.share else fifth.share end as lost
        from people
        inner join horizon using (as_of_date)
        left join shares as own using (value_fifth, risk_third)
        left join shares as fifth
            on fifth.value_fifth = people.value_fifth and fifth.risk_third is null
        """
    )


def _truths(connection: duckdb.DuckDBPyConnection, truth: str, domain: str) -> None:
    """Create `treated`: the customers each policy treats, with true probability and amounts."""
    connection.execute(
        f"""
        create table treated as
        with chosen as (
            select 'plan' as strategy, customer_number, action_id
            from int_churn__actions_allocated
            union all
            select policy as strategy, customer_number, action_id
            from int_churn__policies_allocated
        )
        select
            chosen.strategy,
            truth.churn_probability as p,
            catalogue.save_rate,
            catalogue.acceptance,
            catalogue.contact_cents / 100 as contact,
            catalogue.incentive_cents / 100 as offer,
            losses.lost * customers.gross_margin as margin
        from chosen
        inner join int_churn__contact_eligibility_checked as customers using (customer_number)
        inner join warehouse.churn.int_churn__actions_catalogued as catalogue
            on catalogue.domain = '{domain}' and catalogue.action_id = chosen.action_id
        inner join warehouse.churn.int_churn__live_runs_selected as live on live.domain = '{domain}'
        left join losses on losses.customer_id = customers.customer_id
        left join read_parquet({file_sql(truth)}) as truth
            on truth.customer_id = customers.customer_id
            and truth.as_of_date = customers.as_of_date
            and starts_with(live.label_definition, truth.outcome)
        """
    )
    missing = connection.execute("select count(*) from treated where p is null").fetchone()
    if missing != (0,):
        raise ChurnError(
            f"{missing and missing[0]} treated customers of {domain} have no true probability.",
            where=truth,
            hint="The truth belongs to another demo, label or day. Run `churn demo` again.",
        )


def _profits(
    connection: duckdb.DuckDBPyConnection, save: str, woken: str
) -> dict[str, tuple[int, float]]:
    rows = connection.execute(
        f"""
        select strategy, count(*), sum(
            p * ({save}) * (margin - offer) - (1 - p) * acceptance * offer - contact
            - (1 - p) * ({woken}) * margin
        )
        from treated group by strategy
        """
    ).fetchall()
    return {strategy: (int(count), float(profit)) for strategy, count, profit in rows}


def show(domain: str, outcomes: list[WorldOutcome], console: Console) -> None:
    """Print the table and where the plan loses."""
    currency = domain_entries()[domain].currency
    table = Table(
        title=f"{domain}: true expected profit, {currency}, before any hold-out",
        title_justify="left",
    )
    table.add_column("world")
    table.add_column("budget", justify="right")
    strategies = titles("strategy")
    for title in strategies.values():
        table.add_column(title, justify="right")
    cases: dict[tuple[str, float], dict[str, WorldOutcome]] = {}
    for outcome in outcomes:
        cases.setdefault((outcome.world, outcome.budget), {})[outcome.strategy] = outcome
    for (world, budget), row in sorted(
        cases.items(), key=lambda case: (list(WORLDS).index(case[0][0]), case[0][1])
    ):
        best = max(outcome.profit for outcome in row.values())
        table.add_row(
            world,
            f"{budget:,.0f}",
            *(
                f"[bold]{row[name].profit:,.0f}[/]"
                if row[name].profit == best
                else f"{row[name].profit:,.0f}"
                for name in strategies
            ),
        )
    console.print(table)
    for words in losses(outcomes):
        console.print(words, highlight=False, soft_wrap=True)


def losses(outcomes: list[WorldOutcome]) -> list[str]:
    """Return a sentence for each world and budget in which something beats the plan."""
    words = []
    for plan in (outcome for outcome in outcomes if outcome.strategy == "plan"):
        better = [
            other
            for other in outcomes
            if (other.world, other.budget) == (plan.world, plan.budget)
            and other.profit > plan.profit
        ]
        if better:
            names = ", ".join(
                f"{titles('strategy')[o.strategy].lower()} ({o.profit:,.0f})" for o in better
            )
            words.append(
                f"The plan loses: {plan.world}, budget {plan.budget:,.0f}: {plan.profit:,.0f} "
                f"against {names}."
            )
    return words or ["The plan is best in every world and at every budget."]


@app.command()
def worlds(
    domain: Annotated[str | None, typer.Option(help="One domain; all by default.")] = None,
) -> None:
    """Compare the plan with other policies by the demo's hidden truth."""
    for name in [domain] if domain else domain_entries():
        show(name, compare(home(), name), console)


def main() -> None:
    """Run the command; a ChurnError becomes a message and an exit code."""
    try:
        app()
    except ChurnError as error:
        show_error(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
