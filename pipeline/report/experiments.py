"""Tables and sentences of what experiments show, and of whom they say to treat."""

from rich.console import Console
from rich.table import Table

from ml.policy.learn import LearnedPolicy
from pipeline.experiments.lift import Lift
from pipeline.experiments.measure import Measurement
from pipeline.experiments.shuffles import SelfTest

# Half an interval is 1.96 standard errors; 2.80 of them are found in 4 of 5 experiments.
_FOUND_OFTEN = 2.80 / 1.96


def show_measurement(found: Measurement, console: Console) -> None:
    """Print the checks, then a row for each arm and measure, or why there is no effect."""

    def say(words: str) -> None:
        console.print(words, highlight=False, markup=False, soft_wrap=True)

    if found.doubts:
        say("No effect can be told from these assignments:")
        for doubt in found.doubts:
            say(f"  {doubt}")
        say(
            "→ Look for customers who were dropped or moved after the draw, and for an export that "
            "treats arms differently. Arms that were to be of different sizes need --share."
        )
        return
    strata = len(found.ratio) - 1
    say(f"Sizes of the arms: {found.ratio[0]}" + (f"; {strata} strata fit too" if strata else ""))
    if found.balance:
        say(f"Before the draw, farthest apart: {found.balance[0]}")
    table = Table(title=f"Difference from {found.control} per customer, as assigned")
    for name in ("arm", "measure"):
        table.add_column(name)
    for name in ("customers", "difference", "95% interval"):
        table.add_column(name, justify="right")
    table.add_column("reading")
    for one in found.lifts:
        table.add_row(
            one.arm,
            one.outcome,
            f"{one.n_arm:,}",
            _amount(one, one.effect),
            f"{_amount(one, one.ci_low)} to {_amount(one, one.ci_high)}",
            _reading(one),
        )
    console.print(table, highlight=False)
    for method in sorted({one.method for one in found.lifts}):
        say(f"Interval: {method}")


def show_self_test(found: SelfTest, console: Console) -> None:
    """Print the false alarms at one look and at all, with both kinds of interval."""

    def say(words: str) -> None:
        console.print(words, highlight=False, markup=False, soft_wrap=True)

    each = "one each day" if found.looked == "days" else "after equal waves of customers"
    say(
        f"{found.draws:,} draws of two arms among {found.customers:,} {found.population}; "
        f"{found.converted:,} had the outcome."
    )
    table = Table(title="Draws with a difference that is not there")
    table.add_column("looks")
    table.add_column("interval")
    table.add_column("share", justify="right")
    table.add_row("1, at the end", "fixed", f"{found.one_look:.1%}")
    table.add_row(f"{found.looks}, {each}", "running", f"{found.running:.1%}")
    table.add_row(f"{found.looks}, {each}", "fixed, as if looked at once", f"{found.naive:.1%}")
    console.print(table, highlight=False)
    low, high = found.tolerated
    say(
        f"5% are promised; chance alone gives {low:.1%} to {high:.1%} in so many draws. The check "
        f"of the arms' sizes refused {found.ratio:.1%} of the draws (0.1% are expected)."
    )
    say(
        "The measurement keeps its promise on these customers."
        if found.passes
        else "The measurement gives more false alarms than it promises on these customers: do not "
        "trust small differences between their arms."
    )


def show_policy(learned: LearnedPolicy, console: Console) -> None:
    """Print whether customers differ, and what each way of choosing earned on held-out ones."""

    def say(words: str) -> None:
        console.print(words, highlight=False, markup=False, soft_wrap=True)

    single = learned.arms[learned.single]
    for_all = "leaving everybody alone" if learned.single == 0 else f"{single} for everybody"
    per_thousand = 1000 * learned.gain, 1000 * learned.gain_error
    beside = "{:+,.2f} ± {:,.2f} per 1,000 customers".format(*per_thousand)
    if learned.finds_differences:
        say(
            f"Customers differ in what they should get: choosing per customer earned {beside} "
            f"(standard error) more than {for_all}, the best single action."
        )
    else:
        say(
            f"No difference between customers was found that is worth acting on: choosing per "
            f"customer earned {beside} (standard error) beside {for_all}, which is within noise. "
            f"The policy is {for_all}, the best single action."
        )
    table = Table(
        title=f"What it earned on {learned.customers:,} customers, each held out from learning"
    )
    table.add_column("policy")
    for name in ("contacted", "earned", "95% interval"):
        table.add_column(name, justify="right")
    rows = [("learned", learned.worth)] if learned.finds_differences else []
    rows += [
        ("nobody" if arm == 0 else f"{learned.arms[arm]} for everybody", one)
        for arm, one in enumerate(learned.single_worth)
    ]
    for name, one in rows:
        low, high = one.interval
        table.add_row(
            name, f"{one.contacts:.1%}", f"{one.total:+,.2f}", f"{low:+,.2f} to {high:+,.2f}"
        )
    console.print(table, highlight=False)
    say(
        "Earned: sales less contacts among the treated whom the policy treats, less sales among "
        "the controls whom it would treat."
    )


def _amount(one: Lift, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:+.3f}" if one.outcome == "revenue" else f"{100 * value:+.3f} points"


def _reading(one: Lift) -> str:
    if one.effect is None or one.ci_low is None or one.ci_high is None:
        return "cannot be told"
    if one.is_told:
        return "higher" if one.effect > 0 else "lower"
    found = (one.ci_high - one.ci_low) / 2 * _FOUND_OFTEN
    return f"cannot be told at this size; {_amount(one, found).lstrip('+')} would be, 4 times in 5"
