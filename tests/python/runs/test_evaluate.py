"""Quality over many cohorts, by history, by earliness; drift; realised quality; tuning."""

import shutil
from contextlib import nullcontext
from dataclasses import replace

import duckdb
import numpy as np
import pytest
from home_copy import copy_home
from made_examples import make_examples
from sklearn.metrics import log_loss, roc_auc_score

from ml.cohorts import Fits, choose_fits, read_cohorts, with_history
from ml.decision import Decision
from ml.evaluation.drift import Reference, drift
from ml.evaluation.rolling import origins
from ml.explain.drivers import drivers, grouped
from ml.train import fit
from ml.tune import tune
from pipeline.project.domains import domain_entries
from pipeline.project.home import Home
from pipeline.publish.generation import current
from pipeline.runs import evaluate as evaluation
from pipeline.runs.context import RunContext
from pipeline.runs.lead_time import examples_before
from pipeline.runs.registry import CurrentScores, choose_scores, live_run, record

EVALUATED = (
    "bi_model_quality_by_origin",
    "bi_calibration_choices",
    "bi_learning_curve",
    "bi_model_quality_by_lead",
)
ENTRY = domain_entries()["kkbox"].resolved()


def ask(home, sql):
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


# --------------------------------------------------------------------- cohorts


def test_every_origin_learns_only_what_was_known_by_it(demo):
    with duckdb.connect(str(demo[0].warehouse), read_only=True) as connection:
        cohorts = read_cohorts(connection, "kkbox")
    known_on = {c.as_of_date: c.known_on for c in cohorts}
    found = origins(cohorts, ENTRY, 6)
    assert [str(day) for day in found[-1].tests] == ["2017-01-01", "2017-01-16"]
    assert len({fits.test for fits in found}) == 6
    for fits in found:
        assert max(known_on[day] for day in fits.refit) <= fits.test
        assert max(known_on[day] for day in fits.fit) <= fits.validation < fits.test
        for past in fits.past:
            assert known_on[past.as_of_date] <= fits.test
            assert all(known_on[day] <= past.as_of_date for day in past.known)


def test_the_newest_origin_is_the_test_of_a_run(demo):
    with duckdb.connect(str(demo[0].warehouse), read_only=True) as connection:
        cohorts = read_cohorts(connection, "kkbox")
    run = choose_fits(cohorts, np.datetime64("2017-04-01"), ENTRY)
    newest = origins(cohorts, ENTRY, 1)[0]
    assert (newest.tests, newest.refit, newest.fit) == (run.tests, run.refit, run.fit)


def test_cohorts_with_too_little_history_are_left_out_while_enough_remain(demo):
    with duckdb.connect(str(demo[0].warehouse), read_only=True) as connection:
        cohorts = read_cohorts(connection, "kkbox")
    first = cohorts[0].as_of_date
    settings = ENTRY.with_changes({"least_history_days": 90})
    kept = with_history(cohorts, settings)
    assert kept[0].as_of_date - first >= np.timedelta64(90, "D")
    assert (
        with_history(cohorts[:15], ENTRY.with_changes({"least_history_days": 90}))[0].as_of_date
        == first
    )


# ------------------------------------------------------------------- earliness


def test_a_lead_of_0_days_gives_the_mart(demo):
    home, _ = demo
    days = ["2016-06-01", "2017-02-01"]
    select = (
        "select * exclude (is_churned) from kkbox.kkbox__churn_examples "
        f"where as_of_date in ('{days[0]}', '{days[1]}') order by all"
    )
    with examples_before(home, "kkbox", 0, days) as early:
        assert early.execute(select).fetchall() == ask(home, select)


def test_looked_at_early_the_due_dates_stay_and_the_cut_off_moves(demo):
    home, _ = demo
    with examples_before(home, "kkbox", 14, ["2017-02-01"]) as early:
        rows = early.execute(
            "select as_of_date, due_on, label_known_on, customer_id, is_churned, "
            "payment__days_since_last_transaction from kkbox.kkbox__churn_examples"
        ).fetchall()
        last = dict(
            early.execute(
                "select msno, max(transaction_date) from lake.kkbox_transactions "
                "where transaction_date < date '2017-01-18' group by all"
            ).fetchall()
        )
    assert len(rows) > 300
    for as_of_date, due_on, known_on, customer, _, days_since in rows:
        assert str(as_of_date) == "2017-01-18"
        assert "2017-02-01" <= str(due_on) < "2017-03-01"
        assert (known_on - due_on).days == 30
        assert (as_of_date - last[customer]).days == days_since
    at_the_cut_off = dict(
        ask(
            home,
            "select customer_id, is_churned from kkbox.kkbox__churn_examples "
            "where as_of_date = '2017-02-01'",
        )
    )
    both = [(churned, at_the_cut_off[c]) for _, _, _, c, churned, _ in rows if c in at_the_cut_off]
    assert len(both) > 300
    assert np.mean([early == late for early, late in both]) > 0.95


# --------------------------------------------------------------------- reasons


def test_reasons_are_sums_of_drivers_told_by_the_loudest():
    contributions = np.array([[0.5, -0.1, 0.3, -0.9], [-0.2, 0.1, -0.4, 0.05]])
    together = grouped(contributions, ["a", "b", "a", "b"])
    assert together.names == ("a", "b")
    assert np.allclose(together.contributions, [[0.8, -1.0], [-0.6, 0.15]])
    assert together.leading.tolist() == [[0, 3], [2, 1]]
    assert np.allclose(together.contributions.sum(axis=1), contributions.sum(axis=1))


def test_reasons_of_every_scored_customer_add_up_and_no_group_stands_twice(demo):
    path = current(demo[0]).path
    with duckdb.connect(str(path), read_only=True) as published:
        twice, apart = published.execute(
            """
            with reasons as (
                select domain, customer_id, sum(contribution_log_odds) as total,
                    count(*) - count(distinct driver_group) as twice
                from serving.bi_churn_reasons group by all
            ), drivers as (
                select domain, customer_id, sum(contribution_log_odds) as total
                from serving.bi_churn_drivers group by all
            )
            select max(twice), max(abs(reasons.total - drivers.total))
            from reasons full join drivers using (domain, customer_id)
            """
        ).fetchall()[0]
    assert twice == 0
    assert apart < 1e-9


# ----------------------------------------------------------------------- drift


@pytest.fixture(scope="module")
def moved():
    """What drift says when a feature the model reads and one it ignores move by as much."""
    learned = make_examples(8_000, 1)
    booster = fit(learned, 60)
    scored = make_examples(4_000, 3)
    values = scored.values.copy()
    values[:, 0] = 0.0  # nobody renews
    values[:, 3] = values[:, 3] * 0.2 + 0.6  # noise
    scored = replace(scored, values=values)
    found = drift(booster, Reference(learned, 0.1), scored, drivers(booster, values)[0])
    return found.set_index(["kind", "subject"])


def test_drift_is_judged_by_what_it_does_to_the_model(moved):
    used, noise = moved.loc["feature", "plan__is_on"], moved.loc["feature", "use__noise"]
    assert min(noise["stability_index"], used["stability_index"]) > 1
    assert used["is_notable"]
    assert not noise["is_notable"]


def test_effects_of_features_add_up_to_the_move_of_the_score(moved):
    features = moved.loc["feature"]["effect_log_odds"].sum()
    assert features == pytest.approx(moved.loc["score", ""]["effect_log_odds"], abs=1e-4)
    assert moved.loc["base_rate", ""]["reference_value"] == 0.1


# ------------------------------------------------------------ realised quality


def compiled(home, model):
    (path,) = home.dbt_target.glob(f"compiled/**/{model}.sql")
    return path.read_text().replace('"warehouse".', "")


def test_realised_quality_is_what_scikit_learn_computes(demo):
    generator = np.random.default_rng(5)
    p = generator.integers(1, 60, 3_000) / 61  # many ties
    churned = generator.random(3_000) < p
    with duckdb.connect() as connection:
        connection.execute("create schema churn")
        connection.execute(
            "create table churn.fct_churn_scores as select 'd' as domain, 'r' as run_id, "
            "date '2020-01-01' as as_of_date, 'x' as label_definition, i::varchar as customer_id, "
            "p as churn_probability, c as is_churned "
            "from (select unnest(?::double[]) as p, unnest(?::boolean[]) as c, "
            "unnest(range(3000)) as i)",
            [p.tolist(), churned.tolist()],
        )
        connection.execute(
            "create table churn.int_churn__examples_contacted (domain varchar, "
            "customer_id varchar, as_of_date date, is_contacted boolean, weight double)"
        )
        cursor = connection.execute(compiled(demo[0], "bi_realised_quality"))
        row = dict(zip([c[0] for c in cursor.description], cursor.fetchone(), strict=True))
    assert row["auc"] == pytest.approx(roc_auc_score(churned, p), abs=1e-9)
    assert row["log_loss"] == pytest.approx(log_loss(churned, p), abs=1e-9)
    rate = np.full(3_000, churned.mean())
    assert row["churn_rate_log_loss"] == pytest.approx(log_loss(churned, rate), abs=1e-9)
    assert row["observed_to_expected"] == pytest.approx(churned.sum() / p.sum(), abs=1e-9)


def test_expected_true_and_false_positives_add_up_to_the_list(demo):
    with duckdb.connect(str(current(demo[0]).path), read_only=True) as published:
        for domain in ("kkbox", "ecommerce"):
            rows = published.execute(
                "select percent, customers, expected_true_positives, expected_false_positives "
                "from serving.bi_list_cuts where domain = ? order by percent",
                [domain],
            ).fetchall()
            scored, total = published.execute(
                "select count(*), sum(churn_probability) from serving.bi_churn_risk "
                "where domain = ?",
                [domain],
            ).fetchall()[0]
            assert rows[-1][:2] == (100, scored)
            assert rows[-1][2] == pytest.approx(total)
            for _, customers, true, false in rows:
                assert true + false == pytest.approx(customers)


# ---------------------------------------------------------------------- tuning


def months_of_examples(seed):
    """Four cohorts of 1,500, the last two being validation and test."""
    months = np.array([f"2016-0{n}-01" for n in (1, 2, 3, 4)], dtype="datetime64[D]")
    rows = make_examples(6_000, seed)
    days = months[np.arange(6_000) % 4]
    fits = Fits(
        scoring=np.datetime64("2016-06-01"),
        known_on=np.datetime64("2016-05-01"),
        test=months[3],
        validation=months[2],
        live=list(months),
        refit=list(months[:3]),
        fit=list(months[:2]),
    )
    known = {day: list(months[:place]) for place, day in enumerate(months)}
    return replace(rows, as_of_date=days), fits, known


def test_tuning_is_seeded_and_sees_neither_validation_nor_test():
    examples, fits, known = months_of_examples(1)
    first = tune(examples, fits, known, 4, lambda *_: None)
    late = np.isin(examples.as_of_date, [fits.validation, fits.test])
    garbage = replace(
        examples,
        values=np.where(late[:, None], 1e6, examples.values),
        is_churned=np.where(late, 1 - examples.is_churned, examples.is_churned),
    )
    assert tune(garbage, fits, known, 4, lambda *_: None).trials == first.trials
    assert first.judged_on == ["2016-02-01"]
    assert first.trials[0]["max_depth"] == 6
    assert len(first.trials) == 4


# ------------------------------------------------------------------- the whole


@pytest.mark.slow
def test_evaluate_publishes_what_it_found(evaluated):
    home, printed = evaluated
    shown = " ".join(printed.split())
    assert (
        "protocol competition: February's outcomes closed" in shown
        or "protocol competition skipped" in shown
    )
    with duckdb.connect(str(current(home).path), read_only=True) as published:
        tested = published.execute(
            "select origin.domain, origin.value, quality.value "
            "from serving.bi_model_quality_by_origin as origin "
            "inner join serving.bi_model_quality as quality "
            "using (domain, as_of_date, model, metric) where protocol = 'rolling origins' "
            "and split = 'test' and model = 'lightgbm' and metric = 'log_loss'"
        ).fetchall()
        assert {domain for domain, *_ in tested} == {"kkbox", "ecommerce"}
        for _, by_origin, by_run in tested:
            assert by_origin == pytest.approx(by_run, abs=1e-12)
        leads = published.execute(
            "select lead_days, max(value) filter (model = 'lightgbm'), "
            "max(value) filter (model = 'base_rate') from serving.bi_model_quality_by_lead "
            "where metric = 'log_loss' and population = 'as known then' group by all order by all"
        ).fetchall()
        assert [lead for lead, *_ in leads] == [0, 7, 14, 30]
        assert all(model < base for _, model, base in leads)
        curve = published.execute(
            "select cohorts, log_loss from serving.bi_learning_curve where domain = 'kkbox' "
            "order by cohorts"
        ).fetchall()
        assert curve[0][0] == 1
        assert curve[-1][1] < curve[0][1]
        maps = published.execute(
            "select domain, as_of_date, count(*), count(*) filter (is_chosen) "
            "from serving.bi_calibration_choices group by all"
        ).fetchall()
        assert all(row[2:] == (4, 1) for row in maps)
        for table in EVALUATED:
            rows = published.execute(
                "select distinct evaluated_at is not null, is_live_model, "
                "label_definition = 'lapse' "
                f"from serving.{table} where domain = 'kkbox'"
            ).fetchall()
            assert rows == [(True, True, True)], table


@pytest.mark.slow
def test_what_evaluate_found_stays_when_another_run_goes_live(evaluated, run_dbt, tmp_path):
    home = Home(tmp_path / "copy")
    copy_home(evaluated[0].root, home.root)

    def found():
        with duckdb.connect(str(home.warehouse), read_only=True) as connection:
            return {
                table: connection.execute(
                    f"select * exclude (is_live_model) from serving.{table} "
                    "where domain = 'kkbox' order by all"
                ).fetchall()
                for table in EVALUATED
            }

    before, live = found(), live_run(home, "kkbox")
    for model_hash, stays in ((None, True), ("another", False)):
        # another night: the same model under a new name, then another model
        night = live.with_name(f"{live.name[:-8]}{'same' if stays else 'other':0>8}")
        shutil.copytree(live, night)
        shutil.rmtree(night / "evaluation")
        for path in night.rglob("*.parquet"):
            with duckdb.connect() as connection:
                connection.execute(f"create table t as from '{path}'")
                connection.execute(f"update t set run_id = '{night.name}'")
                if model_hash and path.stem in ("runs", "scores"):
                    connection.execute(f"update t set model_hash = '{model_hash}'")
                connection.execute(f"copy t to '{path}' (format parquet)")
        record(home, "kkbox", Decision(night.name, night.name, "refreshed", "the next night"))
        choose_scores(home, "kkbox", CurrentScores(night.name, "2017-04-01", None))
        done = run_dbt(home.root, "run", "--select", *(f"+{table}" for table in EVALUATED))
        assert done.returncode == 0, done.stdout
        assert found() == before
        with duckdb.connect(str(home.warehouse), read_only=True) as connection:
            for table in EVALUATED:
                told = connection.execute(
                    f"select distinct is_live_model from serving.{table} where domain = 'kkbox'"
                ).fetchall()
                assert told == [(stays,)], table


def test_explain_shows_where_a_score_comes_from(demo, run_churn):
    home, _ = demo
    customer, run_id, model_hash = ask(
        home,
        "select customer_id, run_id, model_hash from churn.fct_churn_scores "
        "where is_live and domain = 'kkbox' order by customer_id limit 1",
    )[0]
    done = run_churn(home.root, "explain", customer, "--domain", "kkbox")
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    for words in (
        customer,
        run_id,
        model_hash,
        "not proven causes",
        "input rows before 2017-04-01",
        "payment__is_auto_renew",
    ):
        assert words in shown
    unknown = run_churn(home.root, "explain", "nobody", "--domain", "kkbox")
    assert unknown.returncode == 1
    assert "has no customer nobody" in unknown.stderr


def test_every_lead_time_is_without_those_whom_contacts_moved(demo, monkeypatch, console):
    spans, given = object(), []
    monkeypatch.setattr(evaluation, "read_contact_spans", lambda *_: spans)
    monkeypatch.setattr(evaluation, "examples_before", lambda *_: nullcontext())
    monkeypatch.setattr(evaluation, "predict_early", lambda *asked: given.append(asked[-1]))
    monkeypatch.setattr(evaluation, "quality_by_lead", dict)
    context = RunContext(demo[0], ("kkbox",), {"kkbox": ENTRY}, {}, console)
    evaluation._by_lead(context, "kkbox", 10, np.datetime64("2017-01-01"), lambda _: None)
    assert given == [spans] * len(ENTRY.lead_days)
    assert given
