"""What a guard refuses of one domain, and a day that is not the one to publish.

The domain keeps its published rows until there is a reason on record.
"""

import shutil

import pytest
from one_domain import (
    OTHER,
    SHOP,
    ask,
    assert_answers,
    assert_kept,
    assert_suppressed,
    rewrite,
    suppress_one,
)
from stored import hash_again

from pipeline.project.home import Home
from pipeline.publish.generation import current
from pipeline.retention.decisions import suppress
from pipeline.runs.registry import current_scores, decisions, live_name, live_run, recipe_of


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


LISTED = "select customer_id from serving.crm_churn_actions where recommended_action is not null"


@pytest.fixture
def alone(demo_of, tmp_path):
    """A home with one domain that a test may change."""
    home = Home(tmp_path / "copy")
    shutil.copytree(demo_of(OTHER).root, home.root, symlinks=True)
    return home


@pytest.mark.parametrize("command", ["run", pytest.param("nightly", marks=pytest.mark.long)])
def test_do_not_contact_waits_for_no_build(demo_copy, run_churn, command):
    before = current(demo_copy)
    listed = f"{LISTED} and domain = '{OTHER}'"
    customer = min(ask(before.path, listed))[0]
    suppress(demo_copy, OTHER, [(customer, "asked us to stop")])
    for table in (f"{OTHER}/transactions", f"{SHOP}/events"):
        for path in demo_copy.lake.glob(f"{table}/**/*.parquet"):
            path.write_bytes(b"cut short")
    # what was built is lost with it, so that all of it is read again
    demo_copy.warehouse.unlink()
    done = run_churn(demo_copy.root, command)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "None of the domains can be built" in " ".join(done.stderr.split())
    after = current(demo_copy)
    assert_suppressed(after, customer, OTHER)
    assert set(after.tables) == set(before.tables)
    assert_kept(before, after, SHOP)
    assert_answers(demo_copy, after, SHOP)
    left = {row for row in ask(before.path, listed) if row[0] != customer}
    assert set(ask(after.path, listed)) == left


@pytest.mark.long  # of no domain at all in the test before
def test_do_not_contact_waits_for_no_domain(alone, run_churn):
    """The only domain is refused; whom its list names and who asked to be left alone is off it."""
    home, before = alone, current(alone)
    customer = min(ask(before.path, LISTED))[0]
    (path,) = (live_run(home, OTHER) / "scores").glob("*/scores.parquet")
    scores = path.read_bytes()
    rewrite(
        path,
        "select * replace (least(0.99, 4 * churn_probability) as churn_probability) from '{path}'",
    )
    hash_again(home)

    def publish(exit_code):
        done = run_churn(home.root, "publish")
        assert done.returncode == exit_code, done.stdout + done.stderr
        return current(home)

    assert publish(3) == before
    suppress(home, OTHER, [(customer, "asked us to stop")])
    refused = publish(3)
    assert OTHER in refused.kept and refused.marts == before.marts
    assert_suppressed(refused, customer, OTHER)
    assert (customer,) not in ask(refused.path, LISTED)
    for table in ("bi_churn_actions", "bi_customer_360"):
        ((decision, words),) = ask(
            refused.path,
            f"select decision, reason_words from serving.{table} where customer_id = '{customer}'",
        )
        assert (decision, words) == ("leave", "Marked do-not-contact: asked us to stop")
    # everybody else's rows are the very ones, and a sync gets this one, once
    rows = "select * exclude (row_hash) from serving.crm_churn_actions order by customer_id"
    changed = "select customer_id, updated_at, row_hash from serving.crm_churn_actions order by all"
    others = [row for row in ask(before.path, changed) if row[0] != customer]
    assert [row for row in ask(refused.path, changed) if row[0] != customer] == others
    ((_, sent, told),) = set(ask(refused.path, changed)) - set(others)
    newest = max(at for _, at, _ in ask(before.path, changed))
    assert sent > newest
    assert told not in {row_hash for *_, row_hash in ask(before.path, changed)}
    assert publish(3) == refused

    path.write_bytes(scores)
    hash_again(home)
    published = publish(0)
    assert published.kept == ()
    assert (customer,) not in ask(published.path, LISTED)
    moved = {row[0] for row in ask(published.path, changed) if row[1] > sent}
    # the budget that this customer frees may go to another; nothing else is news
    assert customer not in moved
    assert len(moved) <= 2, moved
    assert len(ask(published.path, rows)) == len(ask(before.path, rows))


def test_an_accept_without_a_reason_is_refused(home, run_churn):
    done = run_churn(home.root, "publish", "--accept", " ")
    assert done.returncode == 1
    assert "--accept has no reason" in done.stderr


@pytest.mark.long  # of a night in operations/test_nightly.py
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


@pytest.mark.long  # four runs
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
