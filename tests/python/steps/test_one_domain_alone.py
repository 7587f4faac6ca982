"""What befalls one domain stays with it: it keeps its published rows, and the other is published.

Faults are planted in KKBox; a customer of the shop is suppressed, so that there is something to
publish.
"""

import json
import shutil

import duckdb
import pytest
from stored import hash_again

from pipeline import steps
from pipeline.labels.registry import check_files, entries
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.publish.generation import SCHEMA, current
from pipeline.publish.kept import SHARED
from pipeline.realtime.bundle import bundle_folder
from pipeline.realtime.engine import Engines
from pipeline.retention.decisions import suppress
from pipeline.retention.plan import can_plan, kept_folder
from pipeline.runs.context import RunContext
from pipeline.runs.registry import current_scores, decisions, live_name, live_run, recipe_of
from pipeline.warehouse import fingerprint
from pipeline.warehouse.dbt import DbtOutcome

SHOP, OTHER = "ecommerce", "kkbox"


def ask(path, sql):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def one_customer(home, domain):
    sql = f"select min(customer_id) from serving.bi_churn_risk where domain = '{domain}'"
    return ask(current(home).path, sql)[0][0]


def suppress_one(home, domain=SHOP):
    customer = one_customer(home, domain)
    suppress(home, domain, [(customer, "asked")])
    return customer


def assert_kept(before, after, domain):
    """Every table has the very rows of the domain that it had."""
    tables = set(before.tables) - set(SHARED)
    assert tables <= set(after.tables)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{before.path}' as old (read_only)")
        connection.execute(f"attach '{after.path}' as new (read_only)")
        for table in sorted(tables):
            # this one says which generation the file is, whose rows may be older
            columns = "domain, rows_of_generation" if table == "bi_publication" else "*"
            old, new = (
                f"select {columns} from {database}.{SCHEMA}.{table} where domain = '{domain}'"
                for database in ("old", "new")
            )
            for one, other in ((old, new), (new, old)):
                only = connection.execute(f"select count(*) from ({one} except all {other})")
                assert only.fetchone() == (0,), table


def assert_answers(home, generation, domain):
    """Real time and plans of a kept domain answer as they did."""
    assert bundle_folder(generation.path, domain).name == domain
    assert can_plan(kept_folder(generation.path.with_suffix(".plan"), domain))
    ((run_id, scored),) = ask(
        generation.path,
        f"select run_id, as_of_date from serving.bi_domains where domain = '{domain}'",
    )
    engine = Engines(home).engine(generation.path, domain, run_id)
    assert engine.knowledge.scored == scored


def assert_suppressed(generation, customer, domain=SHOP):
    assert ask(
        generation.path,
        f"select is_suppressed from serving.crm_churn_actions where domain = '{domain}' "
        f"and customer_id = '{customer}'",
    ) == [(True,)]


def newest_labels(home):
    return max((home.labels / OTHER / "lapse").glob("*.parquet"))


def rewrite(path, select):
    part = path.with_suffix(".part")
    duckdb.sql(f"copy ({select.format(path=path)}) to '{part}' (format parquet)")
    part.replace(path)


def cut_short(home):
    path = newest_labels(home)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return 1, f"{path}: cannot be read; ", "were registered"


def a_damaged_lake(home):
    path = next((home.lake / OTHER).glob("transactions/*/**/*.parquet"))
    path.write_bytes(path.read_bytes()[:100])
    # another file than the build knows
    record = next(path for path in (home.lake / OTHER / "transactions").glob("*/_file.json"))
    record.write_text(json.dumps(json.loads(record.read_text()) | {"content_hash": "changed"}))
    return 1, "could not be built", str(path)


def one_label_twice(home):
    """As many rows as are registered, one of them twice: a test of the domain's folder fails."""
    rewrite(
        newest_labels(home),
        "select * from '{path}' where customer_id < (select max(customer_id) from '{path}') "
        "union all "
        "select * from '{path}' where customer_id = (select min(customer_id) from '{path}')",
    )
    return 1, "could not be built", "is_unique_by"


def other_features(home):
    """Scores of feature rows that the mart does not hold: they are looked at before a build."""
    folder = live_run(home, OTHER) / "scores"
    (path,) = folder.glob("*/scores.parquet")
    rewrite(path, "select * replace ('1' as feature_checksum) from '{path}'")
    return 3, "were made from other features", f"churn run --domain {OTHER}"


@pytest.mark.parametrize(
    "plant",
    [
        cut_short,
        a_damaged_lake,
        other_features,
        pytest.param(one_label_twice, marks=pytest.mark.long),
    ],
    ids=lambda plant: plant.__name__,
)
def test_a_domain_that_fails_keeps_its_rows_and_the_other_is_published(demo_copy, run_churn, plant):
    home, before = demo_copy, current(demo_copy)
    customer = suppress_one(home)
    exit_code, *words = plant(home)
    # the files are those that the platform wrote, as far as their hashes tell
    hash_again(home)
    done = run_churn(home.root, "publish")
    assert done.returncode == exit_code, done.stdout + done.stderr
    told = "".join(done.stderr.split())
    for word in words:
        assert "".join(word.split()) in told
    after = current(home)
    assert after.name != before.name
    assert after.kept == (OTHER,)
    assert_suppressed(after, customer)
    assert_kept(before, after, OTHER)
    assert_answers(home, after, OTHER)


def test_a_failure_of_a_domain_that_was_not_asked_for_is_a_warning(demo_copy, run_churn):
    home, before = demo_copy, current(demo_copy)
    customer = suppress_one(home)
    cut_short(home)
    done = run_churn(home.root, "run", "--domain", SHOP)
    assert done.returncode == 4, done.stdout + done.stderr
    assert_suppressed(current(home), customer)
    assert_kept(before, current(home), OTHER)
    # what asks for the domain alone stops
    done = run_churn(home.root, "labels", "audit", "--domain", OTHER)
    assert done.returncode == 1
    assert "cannot be read" in " ".join(done.stderr.split())


def test_labels_that_are_cut_short_are_told_with_their_checksum_and_the_way_out(demo_copy):
    check_files(demo_copy, OTHER)
    path = newest_labels(demo_copy)
    cut_short(demo_copy)
    with pytest.raises(
        ChurnError, match="1 files of frozen labels of kkbox are damaged or lost"
    ) as told:
        check_files(demo_copy, OTHER)
    known = {
        (e.label_definition, f"{e.as_of_date}.v{e.label_version}"): e
        for e in entries(demo_copy, OTHER)
    }
    assert known["lapse", path.stem].checksum in told.value.where
    assert "Restore them from a backup" in told.value.hint
    check_files(demo_copy, SHOP)
    # the way out without a backup
    path.unlink()
    path.with_suffix(".json").unlink()
    check_files(demo_copy, OTHER)


def test_a_jump_is_refused_until_it_is_accepted_for_a_reason(demo_copy, run_churn):
    home, before = demo_copy, current(demo_copy)
    customer = suppress_one(home)
    (path,) = (live_run(home, OTHER) / "scores").glob("*/scores.parquet")
    rewrite(
        path,
        "select * replace (least(0.99, 4 * churn_probability) as churn_probability) from '{path}'",
    )
    hash_again(home)
    done = run_churn(home.root, "publish")
    assert done.returncode == 3, done.stdout + done.stderr
    told = " ".join(done.stderr.split())
    assert "Publishing kkbox is refused: the mean risk goes from 0.0" in told
    assert "limit 60%" in told
    refused = current(home)
    assert refused.kept == (OTHER,)
    assert_suppressed(refused, customer)
    assert_kept(before, refused, OTHER)
    assert_answers(home, refused, OTHER)

    done = run_churn(home.root, "publish")
    assert done.returncode == 3, done.stdout + done.stderr
    assert current(home) == refused

    shop = "select * from serving.crm_churn_actions where domain = 'ecommerce' order by all"
    rows = ask(refused.path, shop)
    done = run_churn(home.root, "publish", "--accept", "prices doubled")
    assert done.returncode == 4, done.stdout + done.stderr
    accepted = current(home)
    assert accepted.kept == ()
    # nothing happened to the other domain since
    assert ask(accepted.path, shop) == rows
    mean = "select avg(churn_probability) from serving.bi_churn_risk where domain = 'kkbox'"
    assert ask(accepted.path, mean)[0][0] > 1.5 * ask(before.path, mean)[0][0]
    shown = " ".join(run_churn(home.root, "models", "list", "--domain", OTHER).stdout.split())
    assert "publish refused: the mean risk goes from" in shown
    assert "accepted: prices doubled" in shown

    done = run_churn(home.root, "publish")
    assert done.returncode == 0, done.stdout + done.stderr
    assert current(home) == accepted


def test_an_accept_without_a_reason_is_refused(home, run_churn):
    done = run_churn(home.root, "publish", "--accept", " ")
    assert done.returncode == 1
    assert "--accept has no reason" in done.stderr


def test_a_refused_training_leaves_the_live_model_scoring(demo_copy, run_churn):
    home, live = demo_copy, live_name(demo_copy, OTHER)
    customer = suppress_one(home, OTHER)
    needs = "minimum={rows: 99999999, churners: 50, cohorts: 3}"
    done = run_churn(home.root, "run", "--domain", OTHER, "--set", needs)
    assert done.returncode == 4, done.stdout + done.stderr
    told = " ".join(done.stdout.split())
    assert "Training kkbox is refused" in told
    assert "99,999,999 are needed" in told
    assert f"{live} keeps scoring" in told
    assert live_name(home, OTHER) == live
    assert_suppressed(current(home), customer, OTHER)


def test_a_live_model_that_cannot_score_the_mart_refuses_the_domain(
    demo_copy, console, monkeypatch
):
    run = live_run(demo_copy, OTHER)
    recipe = json.loads((run / "recipe.json").read_text())
    recipe["features"][0] = "payment__gone"
    (run / "recipe.json").write_text(json.dumps(recipe))
    shutil.rmtree(run / "scores")
    hash_again(demo_copy)
    context = RunContext(demo_copy, (OTHER,), domain_entries(), {}, console)

    def refuse(*_):
        raise ChurnError("Training kkbox is refused.", exit_code=3)

    monkeypatch.setattr(steps, "train", refuse)
    with pytest.raises(ChurnError, match="no longer built: payment__gone") as refused:
        steps.learn_and_score(context, OTHER)
    assert refused.value.exit_code == 3
    with pytest.raises(ChurnError, match="Training kkbox is refused"):
        # without a live model there is nothing to go on with
        (demo_copy.models / OTHER / "live_runs.parquet").unlink()
        steps.learn_and_score(context, OTHER)


def test_a_past_day_is_scored_for_study_and_published_only_for_a_reason(demo_copy, run_churn):
    home, live = demo_copy, live_name(demo_copy, OTHER)
    scored = current_scores(home, OTHER)
    assert scored.as_of_date == "2017-04-01"
    made = len(decisions(home, OTHER))
    risk = "select * from serving.bi_churn_risk where domain = 'kkbox' order by customer_id"
    published = ask(current(home).path, risk)

    done = run_churn(home.root, "run", "--domain", OTHER, "--as-of", "2017-01-15")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2017-01-15 is a past day and was scored for study" in " ".join(done.stdout.split())
    assert (live_name(home, OTHER), current_scores(home, OTHER)) == (live, scored)
    assert len(decisions(home, OTHER)) == made
    assert ask(current(home).path, risk) == published
    # its outcomes are in, which is what it is for
    ((rows, known),) = ask(
        current(home).path,
        "select count(*), count(is_churned) from serving.bi_churn_history "
        "where as_of_date = date '2017-01-15'",
    )
    assert rows == known > 500

    arguments = ("run", "--domain", OTHER, "--as-of", "2017-01-15", "--accept", "an audit")
    done = run_churn(home.root, *arguments)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "cut-off 2017-01-15 is before the published one, 2017-04-01" in " ".join(
        done.stdout.split()
    )
    assert current_scores(home, OTHER).reason == "an audit"
    days = "select distinct as_of_date from serving.bi_churn_risk where domain = 'kkbox'"
    assert [str(day) for (day,) in ask(current(home).path, days)] == ["2017-01-15"]
    assert recipe_of(live_run(home, OTHER)).run_id == live_name(home, OTHER) != live


@pytest.mark.parametrize(
    "command", ["run", *(pytest.param(c, marks=pytest.mark.long) for c in ("score", "build"))]
)
def test_a_day_beyond_what_is_known_is_refused_before_it_is_scored(demo_copy, run_churn, command):
    before = current(demo_copy)
    done = run_churn(demo_copy.root, command, "--domain", OTHER, "--as-of", "2017-05-15")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "its data are known before 2017-04-01 only" in " ".join(done.stderr.split())
    assert list(demo_copy.models.glob("*/*/scores/2017-05-15")) == []
    assert current(demo_copy) == before


@pytest.mark.parametrize("as_of", [{}, {OTHER: "2017-01-15"}])
def test_scores_made_from_other_features_than_are_built_are_not_published(
    demo_copy, console, monkeypatch, as_of
):
    other_features(demo_copy)
    hash_again(demo_copy)
    monkeypatch.setattr(steps, "_dbt_build", lambda *_, **__: DbtOutcome())
    context = RunContext(demo_copy, (OTHER,), domain_entries(), as_of, console)
    steps._build_marts(context, "nothing")
    assert context.left_out == (OTHER,)
    told = " ".join(console.export_text().split())
    if as_of:
        assert "the warehouse holds the features of this study" in told
        assert context.exit_code == 0
    else:
        assert "2017-04-01 were made from other features" in told
        assert f"churn run --domain {OTHER}" in told
        assert context.exit_code == 3


def test_where_no_domain_can_be_published_all_keep_their_rows(demo_copy, console, monkeypatch):
    def damaged(*_):
        raise ChurnError("A file is damaged.")

    monkeypatch.setattr(steps, "_check", damaged)
    monkeypatch.setattr(steps, "_dbt_build", lambda *_, **__: pytest.fail("dbt was called"))
    # nothing that was built before answers for it
    fingerprint.forget(demo_copy.warehouse, "marts")
    with duckdb.connect(str(demo_copy.warehouse)) as connection:
        connection.execute("drop schema serving cascade; drop schema churn cascade")
    context = RunContext(demo_copy, tuple(domain_entries()), domain_entries(), {}, console)
    assert steps.finish(context) == current(demo_copy)
    assert "no domain is published again" in console.export_text()
    assert context.exit_code == 1
