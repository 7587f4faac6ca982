"""`churn campaign measure`, `selftest`, `learn`, `choose`: what experiments show, and for whom."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.campaign_group import campaign
from cli.common import console
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED, WARNED
from pipeline.project.home import home

Assignments = Annotated[
    Path,
    typer.Option(help="CSV or Parquet of customer_id, arm and, if drawn by strata, stratum."),
]
Outcomes = Annotated[
    Path,
    typer.Option(
        help="CSV or Parquet of customer_id, outcome (0 or 1) and, if known, revenue and "
        "occurred_on; customers without a row had no outcome."
    ),
]
Control = Annotated[str, typer.Option(help="Arm of those who were left alone.")]
Shares = Annotated[
    list[str] | None,
    typer.Option(help="Share that an arm was to get, as ARM=SHARE; equal by default."),
]
_EXIT_CODES = "Exit codes: 0 measured; 3 no effect can be told, see why; 1 a file is wrong."


@campaign.command(epilog=_EXIT_CODES)
def measure(
    assignments: Assignments,
    outcomes: Outcomes,
    control: Control = "control",
    share: Shares = None,
    before: Annotated[
        Path | None,
        typer.Option(
            help="CSV or Parquet of customer_id and numbers known before the draw, to compare the "
            "arms by."
        ),
    ] = None,
    running: Annotated[
        float | None,
        typer.Option(
            min=1,
            help="For an experiment that goes on: customers with the outcome, over all arms, whom "
            "its planned end would have. Fix it before the first look.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a list of objects, one per arm and measure.")
    ] = False,
) -> None:
    """Measure an experiment from its assignments and outcomes, arm by arm against the control.

    Customers count as assigned. No effect is shown if the arms are not of the drawn sizes or
    differed before.
    """
    from pipeline.experiments.measure import measure_experiment
    from pipeline.report.experiments import show_measurement

    found = measure_experiment(
        assignments,
        outcomes,
        control,
        shares=_shares(share) if share else None,
        before=before,
        expected=running,
    )
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found.lifts], indent=2, ensure_ascii=False))
    else:
        show_measurement(found, console)
    if found.doubts:
        raise typer.Exit(REFUSED)


@campaign.command(
    epilog="Exit codes: 0 passed; 4 more false alarms than chance explains; 1 nothing to test."
)
def selftest(
    domain: Annotated[
        str | None, typer.Option(help="Domain whose past cohorts nobody treated are taken.")
    ] = None,
    outcomes: Annotated[
        Path | None,
        typer.Option(
            help="Instead of a domain: CSV or Parquet of customer_id and outcome (0 or 1), with a "
            "row for every customer, and if known occurred_on."
        ),
    ] = None,
    assignments: Annotated[
        Path | None,
        typer.Option(
            help="Arms of the customers of --outcomes; only those of --control are taken."
        ),
    ] = None,
    control: Control = "control",
    draws: Annotated[int, typer.Option(min=100, help="How often arms are drawn.")] = 1000,
    looks: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            help="Looks at each draw; by default each day, or ten where no days are known.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Draw arms among customers who were treated alike, and count differences that are not there.

    A measurement that keeps its promise finds one in 5 of 100 draws when looked at once.
    """
    from pipeline.experiments.shuffles import shuffle_outcomes
    from pipeline.experiments.untreated import shuffle_untreated
    from pipeline.report.experiments import show_self_test
    from pipeline.runs.registry import live_settings

    if (domain is None) == (outcomes is None):
        raise typer.BadParameter("give either --domain or --outcomes", param_hint="--domain")
    if outcomes is not None:
        found = shuffle_outcomes(outcomes, assignments, control, draws, looks)
    else:
        known = domain_entries()
        name = check_domain(domain or "", known)
        settings = live_settings(home(), name, known[name]).resolved()
        found = shuffle_untreated(home(), name, settings, draws, looks)
    if as_json:
        typer.echo(json.dumps(asdict(found) | {"passes": found.passes}, indent=2))
    else:
        show_self_test(found, console)
    if not found.passes:
        raise typer.Exit(WARNED)


@campaign.command(epilog="Exit codes: 0 learned; 3 the arms cannot be compared; 1 a file is wrong.")
def learn(
    assignments: Assignments,
    outcomes: Outcomes,
    features: Annotated[
        Path,
        typer.Option(help="CSV or Parquet of customer_id and numbers known before the draw."),
    ],
    contact_cost: Annotated[float, typer.Option(min=0, help="Cost of one contact.")],
    sale_value: Annotated[float, typer.Option(min=0, help="What one outcome is worth.")],
    policy: Annotated[Path, typer.Option(help="File to write what was learned to.")],
    control: Control = "control",
    share: Shares = None,
) -> None:
    """Learn from a trial whom to treat with what, and say what that earned on held-out customers.

    Effects per customer are used only if they earn more than the best single action for everybody
    beyond noise; leaving everybody alone is one of the actions.
    """
    from ml.policy.worth import ContactPrices
    from pipeline.experiments.policies import learn_from_files
    from pipeline.report.experiments import show_policy

    with console.status("learning"):
        learned = learn_from_files(
            assignments,
            outcomes,
            features,
            control,
            ContactPrices(contact_cost, sale_value),
            policy,
            _shares(share) if share else None,
        )
    show_policy(learned, console)
    console.print(str(policy), highlight=False, markup=False, soft_wrap=True)


@campaign.command()
def choose(
    policy: Annotated[Path, typer.Option(help="File that `churn campaign learn` wrote.")],
    features: Annotated[
        Path,
        typer.Option(help="CSV or Parquet of customer_id and the columns that were learned from."),
    ],
    out: Annotated[Path, typer.Option(help="CSV to write, or Parquet by its ending.")],
) -> None:
    """Write customer_id and arm for customers, by what was learned.

    The name of the control arm stands for no contact.
    """
    from pipeline.experiments.policies import choose_for_file

    for arm, customers in choose_for_file(policy, features, out).items():
        console.print(f"{arm}: {customers:,} customers", highlight=False, markup=False)
    console.print(str(out), highlight=False, markup=False, soft_wrap=True)


def _shares(given: list[str]) -> dict[str, float]:
    """Return arm → share of `ARM=SHARE`."""
    shares = {}
    for text in given:
        arm, _, share = text.rpartition("=")
        try:
            shares[arm] = float(share)
        except ValueError:
            shares[arm] = 0.0
        if not arm or not shares[arm] > 0:
            raise ChurnError(
                f"--share {text!r} is not an arm and its share.",
                hint="Write it as ARM=SHARE, such as --share control=0.1, once for each arm.",
            )
    return shares
