"""A mistake in dbt_project.yml stops every command before any work; its place is named."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from pipeline.project import domains
from pipeline.project.domain_settings import NOT_LEARNED, DomainSettings
from pipeline.project.domains import domain_entries, parse_overrides, recorded_settings
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT

FILE = "dbt_project.yml"
RAW = yaml.safe_load((PROJECT / FILE).read_text())["vars"]["churn_domains"]


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Reads the project's file after `edited((old, new), …)`; `old` is a regular expression."""

    def read(*changes):
        text = (PROJECT / FILE).read_text()
        for old, new in changes:
            text, count = re.subn(old, new, text, count=1, flags=re.MULTILINE)
            assert count, f"{FILE} lacks {old!r}"
        (tmp_path / FILE).write_text(text)
        monkeypatch.setattr(domains, "PROJECT", tmp_path)
        return domain_entries()

    return read


@pytest.mark.parametrize("domain", RAW)
def test_dbt_is_given_what_the_file_says_and_nothing_else(domain):
    settings = domain_entries()[domain]
    assert settings.given() == RAW[domain]
    # 3000 stays 3000 and 0.3 stays 0.3: the text of the SQL follows it
    assert json.dumps(settings.given(), sort_keys=True) == json.dumps(RAW[domain], sort_keys=True)
    for order in (list, lambda keys: sorted(keys, reverse=True)):
        given = settings.given()
        for key in ("segments", "presets", "baselines"):
            assert order(given.get(key, {})) == order(RAW[domain].get(key, {}))


def test_texts_name_other_keys_and_follow_an_override():
    settings = domain_entries()["ecommerce"]
    assert settings.resolved().label_definition == "no_order_h30_l90_m2"
    shorter = parse_overrides(["horizon_days=14"], settings).resolved()
    assert shorter.label_definition == "no_order_h14_l90_m2"
    assert shorter.outcome == "places no order within 14 days"
    assert shorter.resolved() == shorter


def test_what_is_learned_from_lacks_the_plan_and_the_guards_and_nothing_else():
    for settings in domain_entries().values():
        learned = settings.learned()
        kept = settings.given().keys() - learned.given().keys()
        assert {"retention", "guards"} <= kept <= set(NOT_LEARNED)
        assert learned.retention.budget == 0


@pytest.mark.parametrize(
    ("change", "place", "what", "hint"),
    [
        # a misspelt key, at the top and inside
        (
            ("minimum: {rows", "minimun: {rows"),
            "kkbox.minimun",
            "Unknown key 'minimun'",
            "'minimum'",
        ),
        (("cohorts: 3", "cohort: 3"), "kkbox.minimum.cohort", "Unknown key 'cohort'", "'cohorts'"),
        (
            ("budget: 3000", "buget: 3000"),
            "kkbox.retention.buget",
            "Unknown key 'buget'",
            "'budget'",
        ),
        (
            ("when: payment__is_cancelled}", "if: payment__is_cancelled, when: 'true'}"),
            "kkbox.ladder[0].if",
            "Unknown key 'if'",
            "name, when",
        ),
        # nothing is like it
        (
            ("currency: NT\\$", "currency: NT$\n      zebra: 1"),
            "kkbox.zebra",
            "Unknown key 'zebra'",
            "Keys are: activity, ",
        ),
        # YAML's own trap
        (
            ('"yes": already', "yes: already"),
            "kkbox.segments.already_cancelled.true",
            "Unknown key 'true'",
            "quotes",
        ),
        # missing
        (
            ("^      gross_margin: 0.3\n", ""),
            "kkbox.gross_margin",
            "The key 'gross_margin' is missing",
            "0 to 1",
        ),
        (
            (", churners: 50, cohorts: 3", ", cohorts: 3"),
            "kkbox.minimum.churners",
            "The key 'churners' is missing",
            "Churners among them",
        ),
        (
            ("currency: NT\\$", "currency:"),
            "kkbox.currency",
            "currency is null; it should be text",
            "currency",
        ),
        # another type
        (
            ("coverage_grace_days: 3 ", "coverage_grace_days: three "),
            "kkbox.coverage_grace_days",
            'coverage_grace_days is "three"; it should be a whole number',
            "cut-off",
        ),
        (
            ("value_months: 6", "value_months: 6.5"),
            "kkbox.value_months",
            "value_months is 6.5; it should be a whole number",
            "Months",
        ),
        (
            ("least_history_days: 90", "least_history_days: yes"),
            "kkbox.least_history_days",
            "least_history_days is true; it should be a whole number",
            "history",
        ),
        (
            ("title: KKBox", "title: [KKBox]"),
            "kkbox.title",
            'title is ["KKBox"]; it should be text',
            "name",
        ),
        (
            ("gross_margin: 0.3", "gross_margin: a third"),
            "kkbox.gross_margin",
            'gross_margin is "a third"; it should be a number',
            "0 to 1",
        ),
        (
            ("lead_days: \\[0, 7", "lead_days: [0, soon"),
            "kkbox.lead_days[1]",
            "it should be a whole number",
            "Days before",
        ),
        (
            ("population: members whose.*", 'population: ""'),
            "kkbox.population",
            'population is ""; it should be text that is not empty',
            "Who is scored",
        ),
        # out of bounds
        (
            ("budget: 3000 ", "budget: -1 "),
            "kkbox.retention.budget",
            "budget is -1; it should be 0 or more",
            "0 or more",
        ),
        (
            ("period_days: 28 ", "period_days: 0 "),
            "kkbox.retention.period_days",
            "period_days is 0; it should be 1 or more",
            "1 to 366",
        ),
        (
            ("period_days: 28 ", "period_days: 367 "),
            "kkbox.retention.period_days",
            "period_days is 367; it should be at most 366",
            "1 to 366",
        ),
        (
            ('period_start: "2017-01-07"', 'period_start: "2017-02-30"'),
            "kkbox.retention.period_start",
            'period_start is "2017-02-30"; it should be a day',
            "First day of a period",
        ),
        (
            ('period_start: "2017-01-07"', 'period_start: "1900-01-01"'),
            "kkbox.retention.period_start",
            'period_start is "1900-01-01"; it should be 1970-01-01 or more',
            "First day of a period",
        ),
        (
            ("holdout: auto ", "holdout: 0.9 "),
            "kkbox.retention.holdout",
            "holdout is 0.9; it should be 'auto' or at most 0.5",
            "auto, or a share",
        ),
        (
            ("capacities: {call: 40}", "capacities: {call: 1.5}"),
            "kkbox.retention.capacities.call",
            "call is 1.5; it should be a whole number",
            "",
        ),
        (
            ("single_feature_auc: 0.97", "single_feature_auc: 97"),
            "kkbox.alarms.single_feature_auc",
            "single_feature_auc is 97; it should be at most 1",
            "0.5 to 1",
        ),
        (
            ("grid: month ", "grid: day "),
            "kkbox.grid",
            "grid is \"day\"; it should be 'month' or 'week'",
            "month or week",
        ),
        (
            ("horizon_days: 30", "horizon_days: 400"),
            "ecommerce.horizon_days",
            "horizon_days is 400, out of bounds",
            "1 to 365",
        ),
        # keys that do not go together
        (
            ("cuts: \\[1, 30, 31\\]", "cuts: [1, 30]"),
            "kkbox.segments.plan.names",
            "2 cuts make 3 parts, and 4 are named",
            "one more",
        ),
        (
            ("cuts: \\[2, 7\\]", "cuts: [7, 2]"),
            "kkbox.segments.history.cuts",
            "The cuts 7, 2 do not rise",
            "",
        ),
        (
            (', "no": not cancelled', ""),
            "kkbox.segments.already_cancelled.no",
            'The name of "no" is missing',
            "",
        ),
        (
            ("^        auto_renew: ", "        ladder: "),
            "kkbox.segments.ladder",
            "segment of the platform's own",
            "",
        ),
        (
            ("critical: 0.5", "critical: 0.1"),
            "kkbox.risk_bands",
            "not three falling probabilities",
            "critical the highest",
        ),
        (
            ('test: "2017-03-01"', 'test: "2017-01-01"'),
            "kkbox.protocols.competition.test",
            "not after train",
            "",
        ),
        (
            ('train: "2017-02-01"', "train: February"),
            "kkbox.protocols.competition.train",
            'train is "February"; it should be a day, YYYY-MM-DD',
            "learn from",
        ),
        (
            ("base_rate: \\{\\}", "base_rate: {cap_quantile: 0.1}"),
            "kkbox.baselines.base_rate.cap_quantile",
            "belongs to a baseline with features",
            "",
        ),
        (
            ("no_order_h\\{horizon_days\\}", "no_order_h{horizon}_{horzon_days}"),
            "ecommerce.label_definition",
            "names {horzon_days}, which the entry does not have",
            "",
        ),
        (
            ("times \\{value_months\\} months", "times {value_months months"),
            "kkbox.value_definition",
            "has a brace alone",
            "",
        ),
        # what a night tells of
        (
            ("freshness_days: 2", "freshnes_days: 2"),
            "kkbox.alerts.freshnes_days",
            "Unknown key 'freshnes_days'",
            "'freshness_days'",
        ),
        (
            ("volume_share: 0.5", "volume_share: 1.5"),
            "kkbox.alerts.volume_share",
            "volume_share is 1.5; it should be at most 1",
            "share of its usual rows",
        ),
        (
            ("drift_log_odds: 0.5", "drift_log_odds: 0"),
            "kkbox.alerts.drift_log_odds",
            "drift_log_odds is 0; it should be above 0",
            "log-odds",
        ),
        (
            ("quality: \\[auc\\]", "quality: [gini]"),
            "kkbox.alerts.quality[0]",
            "should be 'auc', 'log_loss' or 'observed_to_expected'",
            "",
        ),
        (
            (
                "vanishing: {events: \\[brand, category_code\\]}",
                "vanishing: {events: [brand, brand]}",
            ),
            "ecommerce.alerts.vanishing.events",
            "named twice",
            "",
        ),
        (
            ("warm_up_days: 7$", "alerts: {}"),
            "ecommerce.presets.short.alerts",
            "A preset cannot set alerts",
            "",
        ),
        # what --set may choose
        (
            ("lookback_days: 120", "lookback_day: 120"),
            "ecommerce.presets.long.lookback_day",
            "Unknown key 'lookback_day'",
            "'lookback_days'",
        ),
        (
            ("lookback_days: 120", "lookback_days: 1200"),
            "ecommerce.presets.long.lookback_days",
            "out of bounds",
            "1 to 730",
        ),
        (
            ("churners: 50, cohorts: 1", "churner: 50, cohorts: 1"),
            "ecommerce.presets.short.minimum.churner",
            "Unknown key 'churner'",
            "'churners'",
        ),
        (
            ("warm_up_days: 7$", "retention: {}"),
            "ecommerce.presets.short.retention",
            "A preset cannot set retention",
            "",
        ),
        (
            (
                "grid: \\[month, week\\]\n        horizon_days",
                "grd: [month, week]\n        horizon_days",
            ),
            "ecommerce.choices.grd",
            "no key 'grd' to choose",
            "Keys are",
        ),
        (
            ("horizon_days: {min: 1", "horizon_days: {mini: 1"),
            "ecommerce.choices.horizon_days.mini",
            "Unknown key 'mini'",
            "'min'",
        ),
    ],
)
def test_each_mistake_is_named_with_its_place_and_a_way_out(edited, change, place, what, hint):
    with pytest.raises(ChurnError) as refusal:
        edited(change)
    assert refusal.value.where == f"dbt_project.yml: vars.churn_domains.{place}"
    assert what in refusal.value.what
    assert hint in (refusal.value.hint or "")


def test_several_mistakes_are_named_at_once(edited):
    with pytest.raises(ChurnError, match="3 keys are wrong") as refusal:
        edited(
            ("title: KKBox", "titel: KKBox"),
            ("budget: 3000", "budget: much"),
            ("value_days: 180", "value_days: 0"),
        )
    lines = refusal.value.where.splitlines()
    assert len(lines) == 3
    assert "dbt_project.yml: vars.churn_domains.kkbox.titel: Unknown key 'titel'. Did you mean" in (
        refusal.value.where
    )
    assert 'kkbox.retention.budget: budget is "much"; it should be a number.' in refusal.value.where
    assert "ecommerce.value_days: value_days is 0; it should be 1 or more." in refusal.value.where


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("^      title: KKBox", "      title: [KKBox"), "is not YAML"),
        (("churn_domains:", "churn_domain:"), "No domain is set up"),
    ],
)
def test_a_file_that_is_no_project_is_refused(edited, change, what):
    with pytest.raises(ChurnError, match=what) as refusal:
        edited(change)
    assert "dbt_project.yml" in f"{refusal.value.what} {refusal.value.where}"


@pytest.mark.parametrize(
    ("pairs", "where", "what"),
    [
        (["horizon_days=0"], "--set horizon_days=0", "it should be 1 or more"),
        (["lookback_days=731"], "--set lookback_days=731", "out of bounds"),
        (["min_orders=true"], "--set min_orders=true", "it should be a whole number"),
        (["gross_margin=25"], "--set gross_margin=25", "it should be at most 1"),
        (["gross_margin=-1"], "--set gross_margin=-1", "it should be 0 or more"),
        (["gross_margin=30%"], "--set gross_margin=30%", "it should be a number"),
        (["coverage_grace_days=4000"], "--set coverage_grace_days=4000", "at most 3650"),
        (["least_history_days=-1"], "--set least_history_days=-1", "0 or more"),
        (["value_days=100000"], "--set value_days=100000", "at most 3650"),
        (["grid=day"], "--set grid=day", "it should be 'month' or 'week'"),
        (["currency=7"], "--set currency=7", "it should be text"),
        (
            ["minimum={rows: 5, churner: 5, cohorts: 1}"],
            "--set minimum={rows: 5, churner: 5, cohorts: 1}",
            "Unknown key 'churner'",
        ),
        (["preset=short", "warm_up_days=soon"], "--set warm_up_days=soon", "warm_up_days"),
    ],
)
def test_an_override_is_checked_as_the_file_is(pairs, where, what):
    with pytest.raises(ChurnError) as refusal:
        parse_overrides(pairs, domain_entries()["ecommerce"])
    assert refusal.value.where == where
    assert what in refusal.value.what


@pytest.mark.parametrize(
    ("pair", "what", "hint"),
    [
        ("horizon_day=7", "no setting 'horizon_day'", "'horizon_days'"),
        ("value_months=7", "no setting 'value_months'", ""),  # another domain's
        ("horizon_days", "there is no `=`", "key=value"),
        ("preset=medium", "no such preset", "long, month_starts, short"),
        ("activity={", "not YAML", "quotes"),
        ("retention={}", "does not record", "--save"),
    ],
)
def test_an_override_of_no_setting_is_refused(pair, what, hint):
    with pytest.raises(ChurnError, match=re.escape(what)) as refusal:
        parse_overrides([pair], domain_entries()["ecommerce"])
    assert hint in refusal.value.hint


def test_recorded_settings_are_read_back_and_refused_when_they_are_not_read_any_more(tmp_path):
    settings = domain_entries()["kkbox"].resolved().learned()
    path = tmp_path / "recipe.json"
    assert recorded_settings(settings.given(), path, "kkbox") == settings
    with pytest.raises(ChurnError, match="Unknown key 'marging'") as refusal:
        recorded_settings(settings.given() | {"marging": 0.3}, path, "kkbox")
    assert refusal.value.where == f"{path}: settings.marging"


def test_settings_do_not_change():
    settings = domain_entries()["kkbox"]
    with pytest.raises(ValueError, match="frozen"):
        settings.currency = "$"
    assert settings.with_changes({"currency": "$"}).currency == "$"
    assert settings.currency == "NT$"


def test_every_key_says_what_it_means():
    def models(model):
        yield model
        for part in model.__subclasses__():
            yield from models(part)

    base = DomainSettings.__mro__[2]
    for model in models(base):
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"


@pytest.mark.parametrize("command", [["demo"], ["api"], ["viewer"], ["models", "list"], ["dev"]])
def test_a_typo_stops_every_command_before_any_work(tmp_path, command):
    """A project of its own whose file has a misspelt key."""
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    text = (PROJECT / FILE).read_text().replace("cohorts: 3}", "cohort: 3}", 1)
    (project / FILE).write_text(text)
    code = (
        "from pathlib import Path; import pipeline.project.home as home;"
        f"home.PROJECT = Path({str(project)!r}); from cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        env=os.environ | {"CHURN_HOME": str(home)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.splitlines() == [
        "Unknown key 'cohort'.",
        "dbt_project.yml: vars.churn_domains.kkbox.minimum.cohort",
        "→ Did you mean 'cohorts'?",
    ]
    assert not done.stdout
    assert not home.exists()


# Numbers that may be any: they cut what a business counts, or bound another key.
ANY = {"cuts", "min", "max"}
LOWER = {"minimum", "exclusiveMinimum", "ge", "gt"}
UPPER = {"maximum", "exclusiveMaximum", "le", "lt"}


def numbers(schema, document, way=()):
    """Every number of a JSON schema: the way to it and its own schema."""
    if "$ref" in schema:
        schema = document["$defs"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") in ("integer", "number"):
        yield way, schema
    for name, part in schema.get("properties", {}).items():
        yield from numbers(part, document, (*way, name))
    for part in (
        *schema.get("anyOf", ()),
        *schema.get("oneOf", ()),
        *(schema[key] for key in ("items", "additionalProperties") if key in schema),
    ):
        if isinstance(part, dict):
            # the bounds of a number that may be whole stand beside its two types
            yield from numbers(
                {key: schema[key] for key in (LOWER | UPPER) & set(schema)} | part, document, way
            )


def test_every_number_has_a_lower_and_an_upper_bound():
    document = DomainSettings.model_json_schema()
    found = [
        (way, schema)
        for way, schema in numbers(document, document)
        # a preset's values are checked as the keys they set
        if way[0] != "presets" and way[-1] not in ANY
    ]
    assert len(found) > 20
    for way, schema in found:
        assert LOWER & set(schema), way
        assert UPPER & set(schema), way
