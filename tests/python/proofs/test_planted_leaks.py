"""One leak of each kind, planted; the check that must catch it, by name.

The kinds are those of S. Kapoor, A. Narayanan: Leakage and the reproducibility crisis in
machine-learning-based science. Patterns 4(9), 2023. What is planted goes into copies: of the
compiled SQL, of the examples, of tables in memory.
"""

import json
from dataclasses import replace

import duckdb
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from ml import leakage_checks as training
from ml.cohorts import RefusedError, choose_fits, read_cohorts
from ml.contract import usable_features
from ml.learn import digest_of_learned
from ml.mart import read_scoring_cut_off, read_usable
from ml.train import PARAMETERS, fit
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.proofs.time_travel import compare
from pipeline.warehouse import static_checks as build
from pipeline.warehouse.compiled_sql import load_stack, read_manifest

ENTRIES = {name: entry.resolved() for name, entry in domain_entries().items()}
DOMAINS = tuple(ENTRIES)


@pytest.fixture(scope="module")
def manifest(demo):
    return read_manifest(demo[0])


@pytest.fixture(scope="module", params=DOMAINS)
def learned_from(demo, request):
    """Domain, examples, cut-offs and cohorts of the demo's run."""
    domain = request.param
    with duckdb.connect(str(demo[0].warehouse), read_only=True) as connection:
        cohorts = read_cohorts(connection, domain)
        fits = choose_fits(cohorts, read_scoring_cut_off(connection, domain), ENTRIES[domain])
        everything, usable, _ = read_usable(connection, domain, fits, ENTRIES[domain])
    return domain, everything.keep(usable), fits, cohorts


def planted(stack, relation, old, new):
    """The stack with one change in one model's SQL."""
    found = [view for view in stack if view.relation.endswith(relation)]
    assert found, relation
    assert old in found[0].sql, f"{relation} lacks {old!r}"
    return [
        replace(view, sql=view.sql.replace(old, new)) if view is found[0] else view
        for view in stack
    ]


# 1: no held-out set


def test_a_model_tested_on_what_it_learned_from_is_caught(learned_from):
    _, _, fits, cohorts = learned_from
    leaking = replace(fits, refit=[*fits.refit, fits.test])
    with pytest.raises(RefusedError, match="leakage check held_out fails"):
        training.stop_if_broken(training.held_out(leaking, cohorts))


# 2 and 3: preprocessing, and choosing features, on train and test


def scaled_on_everything(examples):
    values = np.nan_to_num(examples.values)
    return replace(examples, values=StandardScaler().fit_transform(values))


def features_chosen_on_everything(examples):
    known = ~np.isnan(examples.is_churned)
    values = np.nan_to_num(examples.values[known])
    strength = np.abs(np.cov(values.T, examples.is_churned[known])[-1, :-1])
    best = np.argsort(-strength, kind="stable")[:10]
    return examples.keep(tuple(examples.features[i] for i in sorted(best)))


@pytest.mark.parametrize("prepare", [scaled_on_everything, features_chosen_on_everything])
def test_preparation_that_sees_the_test_rows_is_caught(learned_from, prepare):
    _, examples, fits, _ = learned_from

    def learn(rows):
        return fit(prepare(rows).cohorts(fits.refit), 5).model_to_string()

    assert training.ignores_the_test(learn, examples, fits).is_broken


# 4: duplicates across splits


def test_a_customer_twice_in_a_cohort_is_caught(learned_from):
    _, examples, _, _ = learned_from
    twice = examples.where(np.r_[np.arange(len(examples)), 0])
    check = training.unique_rows(twice)
    assert check.is_broken
    assert check.value == 1


# 5: an illegitimate feature, written after the outcome


def test_a_proxy_of_the_outcome_is_caught(learned_from):
    domain, examples, fits, _ = learned_from
    test = examples.cohorts([fits.test])
    noisy = test.is_churned + np.random.default_rng(1).normal(0, 0.15, len(test))
    proxy = replace(
        test, features=(*test.features, "support__closed"), values=np.c_[test.values, noisy]
    )
    threshold = ENTRIES[domain].alarms.single_feature_auc
    checks = training.single_features(proxy, threshold, {})
    assert [check.subject for check in checks if check.is_broken] == ["support__closed"]
    allowed = training.single_features(proxy, threshold, {"support__closed": "known before"})
    assert not any(check.is_broken for check in allowed)
    assert any("allowed: known before" in check.words for check in allowed)


def test_a_feature_made_from_a_label_is_caught(manifest):
    copy = json.loads(json.dumps(manifest))
    key = "model.churn_platform.int_subscription__history_featured"
    copy["parent_map"][key].append("model.churn_platform.kkbox__labels")
    assert "kkbox__labels" in build.no_label_upstream(copy, "kkbox")


# 6: temporal leakage


WRONG_SIDE = [
    (
        "kkbox",
        "int_subscription__cohorts_selected",
        "cut_offs.as_of_date > periods.transacted_on",
        "cut_offs.as_of_date >= periods.transacted_on",
    ),
    (
        "ecommerce",
        "int_no_contract__order_days_aggregated",
        "cohort.as_of_date > days.ordered_on",
        "cohort.as_of_date >= days.ordered_on",
    ),
]


@pytest.mark.parametrize(("domain", "relation", "old", "new"), WRONG_SIDE)
def test_a_window_closed_on_the_wrong_side_is_caught_twice(demo, domain, relation, old, new):
    home, _ = demo
    leaking = planted(load_stack(home, domain), relation, old, new)
    assert build.windows_end_before_the_cut_off(leaking)
    cut_off = cut_off_of(home, domain)
    found = compare(home, domain, leaking, cut_off, "on the cut-off")
    assert found.differences
    assert not found.holds


def test_a_window_that_reaches_into_the_future_is_caught_by_garbage(demo):
    home, _ = demo
    stack = load_stack(home, "ecommerce")
    leaking = planted(
        stack,
        "int_no_contract__visit_days_aggregated",
        "generate_series(1, 90)",
        "generate_series(-5, 90)",
    )
    found = compare(home, "ecommerce", leaking, cut_off_of(home, "ecommerce"), "garbage")
    assert found.differences
    assert "in the mart" in found.examples[0]


def test_a_cancel_recorded_later_is_caught_by_garbage(demo):
    """The state of the last transaction ever, instead of the last one before the cut-off."""
    home, _ = demo
    stack = load_stack(home, "kkbox")
    leaking = planted(
        stack,
        "int_subscription__history_featured",
        "history.is_cancel as payment__is_cancelled",
        "history.customer_id in (select customer_id from "
        "subscription.int_subscription__periods_ordered where is_cancel) as payment__is_cancelled",
    )
    found = compare(home, "kkbox", leaking, cut_off_of(home, "kkbox"), "garbage")
    assert found.differences
    assert any("payment__is_cancelled" in example for example in found.examples)


def test_a_snapshot_used_as_if_it_were_history_is_caught(manifest, demo):
    copy = json.loads(json.dumps(manifest))
    mart = copy["nodes"]["model.churn_platform.kkbox__churn_examples"]
    del mart["columns"]["profile__exists"]["config"]["meta"]["source"]
    broken = build.snapshots_are_declared(copy, "kkbox", load_stack(demo[0], "kkbox"))
    assert broken == ["profile__exists reads members"]
    # and what is declared is not read
    usable, excluded = usable_features(("a", "profile__exists"), {"profile__exists": "m"}, {})
    assert usable == ("a",)
    assert "no history" in excluded["profile__exists"]


# 7: dependence between train and test


def test_training_on_outcomes_not_yet_known_is_caught(learned_from):
    _, _, fits, cohorts = learned_from
    newest = max(c.as_of_date for c in cohorts if c.as_of_date < fits.validation)
    assert newest not in fits.fit, "the embargo leaves the newest cohort out"
    with pytest.raises(RefusedError, match="leakage check held_out fails"):
        training.stop_if_broken(training.held_out(replace(fits, fit=[*fits.fit, newest]), cohorts))


def assertion_on(home, name, tables):
    """Rows that a dbt assertion finds over tables given instead of its own."""
    (path,) = home.dbt_target.glob(f"compiled/**/{name}.sql")
    sql = path.read_text()
    with duckdb.connect() as connection:
        for relation, select in tables.items():
            schema, _, table = relation.partition(".")
            assert f'"warehouse"."{schema}"."{table}"' in sql
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create table {relation} as {select}")
        return connection.execute(sql.replace('"warehouse".', "")).fetchall()


@pytest.mark.parametrize(("second", "caught"), [("null", 1), ("false", 0)])
def test_a_cohort_half_closed_is_caught(demo, second, caught):
    rows = assertion_on(
        demo[0],
        "assert_cohorts_close_whole",
        {
            "churn.int_churn__labels_unioned": "select 'shop' as domain, 'd' as label_definition, "
            f"date '2020-01-01' as as_of_date, unnest([true, {second}]) as is_churned"
        },
    )
    assert len(rows) == caught


# 8: a test sample from another population than the one scored


@pytest.mark.parametrize(("kept", "caught"), [(0.7, True), (1.0, False)])
def test_a_test_cohort_thinned_out_is_caught(learned_from, kept, caught):
    _, _, fits, _ = learned_from
    with duckdb.connect() as connection:
        connection.execute("create schema shop")
        connection.execute(
            "create table shop.shop__labels as select 'c' || n as customer_id, as_of_date, "
            "'d' as label_definition from range(1000) as t(n), "
            f"(values (date '{fits.test}'), (date '{fits.scoring}')) as days (as_of_date)"
        )
        connection.execute(
            "create table shop.shop__churn_examples as from shop.shop__labels "
            f"where as_of_date = date '{fits.scoring}' "
            f"or cast(substr(customer_id, 2) as integer) < {1000 * kept}"
        )
        check = training.same_population(connection, "shop", "d", fits)
    assert check.is_broken == caught


# no false alarms


def test_the_clean_project_raises_no_alarm(demo, manifest, learned_from):
    domain, examples, fits, cohorts = learned_from
    build.check_build(manifest, domain, load_stack(demo[0], domain))
    training.stop_if_broken(
        [
            *training.held_out(fits, cohorts),
            training.unique_rows(examples),
            *training.single_features(
                examples.cohorts([fits.test]), ENTRIES[domain].alarms.single_feature_auc, {}
            ),
            training.shuffled_labels(examples, fits),
        ]
    )

    def learn(rows):
        return digest_of_learned(rows, fits, ENTRIES[domain], PARAMETERS, 5)

    assert not training.ignores_the_test(learn, examples, fits).is_broken


def test_a_failed_check_stops_the_build_by_name(demo, manifest):
    stack = load_stack(demo[0], "kkbox")
    leaking = planted(
        stack,
        "int_subscription__history_featured",
        "history.valued_price",
        "avg(cast(history.valued_price as double))",
    )
    with pytest.raises(ChurnError, match="exact_numbers"):
        build.check_build(manifest, "kkbox", leaking)


def cut_off_of(home, domain):
    """A cut-off in the middle of the demo."""
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        days = connection.execute(
            f"select distinct as_of_date from {domain}.{domain}__churn_examples order by all"
        ).fetchall()
    return days[len(days) // 2][0]
