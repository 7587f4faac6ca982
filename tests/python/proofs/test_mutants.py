"""Slips of the pen in the SQL of labels and features, each of which the reference must notice.

A mutant is a model with one comparison, bound, join or the like changed. In worlds where SQL and
reference agree, it is noticed when it changes a mart.
"""

import json
import logging
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml
from mutants.operators import Model, Mutant
from mutants.survey import Verdict, survey
from mutants.worlds import LOOKBACK_DAYS, WORLDS
from reference.stack import compiled

from pipeline.project.domains import domain_entries
from pipeline.project.home import PROJECT

EQUIVALENT = tomllib.loads(
    (Path(__file__).parents[1] / "support" / "mutants" / "equivalent.toml").read_text()
)
FATES = ("killed", "invalid", "survived")
# a mutant that cannot run shows nothing but that
MOST_INVALID = 0.02


@pytest.mark.parametrize(
    ("words", "mutants"),
    {
        "x < y": ["x <= y"],
        "x >= y": ["x > y"],
        "x = y": ["x <> y"],
        "x is not distinct from y": ["x = y"],
        "x is null": ["not (x is null)"],
        "x is not null": ["(x is null)"],
        "x and y": ["(x or y)"],
        "x <= 90": ["x < 90", "x <= 91", "x <= 89"],
        "x between 1 and y": ["x between 2 and y", "x between 0 and y"],
        "x in (11, 12)": ["x in (12, 12)", "x in (10, 12)", "x in (11, 13)", "x in (11, 11)"],
        "x + cast(-7 as integer)": ["x + cast(-8 as int)", "x + cast(-6 as int)"],
        "x >= date '2015-01-01'": [
            "x > cast('2015-01-01' as date)",
            "x >= cast('2015-01-02' as date)",
            "x >= cast('2014-12-31' as date)",
        ],
        "x + interval 1 month": ["x + interval '2' month", "x + interval '0' month"],
        "generate_series(1, y)": ["generate_series(2, y)", "generate_series(0, y)"],
        "62 * x": ["63 * x"],
        "coalesce(x, 0)": ["coalesce(x, 1)"],
        "coalesce(x, false)": ["coalesce(x, true)"],
        "x / nullif(y, 0)": ["y"],
        "x / nullif(100, 0)": ["nullif(101, 0)"],
        "min(x)": ["max(x)"],
        "max_by(x, y)": ["arg_min(x, y)"],
        "bool_or(x)": ["bool_and(cast(x as boolean))"],
        "least(x, y)": ["greatest(x, y)"],
        "round(x)": ["trunc(x)"],
        "lag(x) over (order by y desc)": ["lead(x)", "y asc", "y desc nulls first"],
        "count(case when x > 1 then 1 end)": [
            "x >= 1",
            "x > 2",
            "x > 0",
        ],
        "cast(x as decimal(38, 0))": [],
        "'2 months'": [],
    }.items(),
)
def test_mutants_of(words, mutants):
    found = Model("model", f"select {words} as z from t").mutants()
    assert [mutant.instead for mutant in found] == mutants
    assert {mutant.place for mutant in found} <= {"z"}


def test_joins_change_their_kind():
    model = Model("model", "select * from a left join b using (id) inner join c on a.x = c.x")
    assert [str(mutant) for mutant in model.mutants()][:2] == [
        "the select | left join b => inner join b",
        "the select | inner join c => left join c",
    ]
    before = model.sql()
    assert "LEFT JOIN c" in model.sql(1)
    assert model.sql() == before


def test_mutants_are_told_with_the_lines_they_stand_on():
    model = Model("model", "with a as (\n    select x\n    from t\n    where x <= 7\n)\nfrom a")
    assert model.lines(0) == "    4     where x <= 7"


def test_survivors_that_are_not_listed_and_lines_that_are_stale_are_told():
    survivor = Mutant("int_made__up", "final.x_7d", "days <= 7", "days < 7", 1)
    other = Mutant("int_made__up", "final.x_7d", "days <= 7", "days <= 8", 1)
    lines = "   12 where days <= 7"
    verdicts = [Verdict(survivor, lines, "survived"), Verdict(other, lines, "killed")]
    assert complaints(verdicts, {("int_made__up", str(other))}) == [
        "int_made__up: nobody notices\n"
        "    final.x_7d | days <= 7 => days < 7\n"
        "   12 where days <= 7",
        "int_made__up: listed as equivalent, but gone or killed\n"
        "    final.x_7d | days <= 7 => days <= 8",
    ]
    assert complaints(verdicts, {("int_made__up", str(survivor))}) == []


# ---------------------------------------------------------------------- survey


@pytest.fixture(scope="session")
def compiled_to_show(run_dbt, tmp_path_factory):
    """The Home in which dbt compiled both domains, with a lookback in which silence can show."""
    domains = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["churn_domains"]
    domains["ecommerce"]["lookback_days"] = LOOKBACK_DAYS
    return compiled(
        run_dbt,
        tmp_path_factory.mktemp("mutants") / "home",
        *("--select", *(f"+{domain}__churn_examples" for domain in WORLDS)),
        *("--vars", json.dumps({"churn_domains": domains})),
    )


@pytest.mark.parametrize(
    "one_in",
    [
        pytest.param(48, marks=pytest.mark.slow, id="every 48th"),
        pytest.param(1, marks=pytest.mark.long, id="all"),
    ],
)
@pytest.mark.parametrize("domain", WORLDS)
def test_every_mutant_is_noticed_or_is_no_other_model(compiled_to_show, domain, one_in):
    verdicts, differing = survey(compiled_to_show, domain, one_in=one_in)
    assert not differing, "\n\n".join(f"{world}: {words}" for world, words in differing.items())

    tally = told(verdicts)
    logging.getLogger(__name__).info("%s\n%s", domain, tally)
    listed = {
        (model, line)
        for group in EQUIVALENT["groups"]
        for model, lines in group["mutants"].items()
        for line in lines
        if domain in model or domain_entries()[domain].kind in model
    }
    if one_in > 1:
        listed &= {(verdict.mutant.model, str(verdict.mutant)) for verdict in verdicts}
    found = complaints(verdicts, listed)
    if found:
        pytest.fail("\n\n".join([*found, tally]), pytrace=False)
    invalid = [verdict for verdict in verdicts if verdict.fate == "invalid"]
    assert len(invalid) <= MOST_INVALID * len(verdicts), "\n".join(
        f"{verdict.mutant.model}: {verdict.mutant}: {verdict.words}" for verdict in invalid
    )


def complaints(verdicts, listed):
    """What survived without being listed as equivalent, and what is listed in vain."""
    survived = {
        (verdict.mutant.model, str(verdict.mutant)): verdict.lines
        for verdict in verdicts
        if verdict.fate == "survived"
    }
    return [
        f"{model}: nobody notices\n    {line}\n{survived[model, line]}"
        for model, line in sorted(survived.keys() - listed)
    ] + [
        f"{model}: listed as equivalent, but gone or killed\n    {line}"
        for model, line in sorted(listed - survived.keys())
    ]


def told(verdicts):
    """Counts by model, and how many each world killed."""
    fates = Counter((verdict.mutant.model, verdict.fate) for verdict in verdicts)
    models = dict.fromkeys(verdict.mutant.model for verdict in verdicts)
    lines = [f"{'':36}" + "".join(f"{fate:>10}" for fate in ("mutants", *FATES))]
    for name, of in [*((model, [model]) for model in models), ("all", models)]:
        counts = [sum(fates[model, fate] for model in of) for fate in FATES]
        lines.append(f"{name:36}" + "".join(f"{count:10}" for count in (sum(counts), *counts)))
    worlds = Counter(verdict.world for verdict in verdicts if verdict.world)
    return "\n".join([*lines, *(f"{world}: {count}" for world, count in worlds.most_common())])
