"""A folder of billing periods becomes a domain with scores and actions, and no SQL is edited."""

import csv
import re
import shutil

import duckdb
import pytest
import yaml
from made_subscription import write_made_subscription
from project_copy import check_the_house, churn, lines_of, published

from pipeline.demo.ceiling import demo_ceiling
from pipeline.onboarding.domain import Wishes, propose, write_proposal
from pipeline.onboarding.lapses import Lapse, advice, compare_lapses, load_purchases
from pipeline.onboarding.subscription_shapes import sorted_words
from pipeline.project.errors import ChurnError
from pipeline.project.scaffold import new_domain
from pipeline.publish.generation import current

MOST_FILES, MOST_LINES = 10, 400
# As the demo's members are: so much of the way from the base rate to the best possible log loss.
LEAST_OF_THE_WAY = 0.85


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The raw files of 300 customers, and how many rows of each type there are."""
    folder = tmp_path_factory.mktemp("made") / "raw"
    return folder, write_made_subscription(folder, customers=300)


@pytest.fixture(scope="module")
def proposal(made):
    return propose("club", "subscription", made[0], Wishes())


def headers(roles):
    return {role: column.header for role, column in roles.items() if column}


def test_the_profile_finds_what_is_in_the_files(proposal, made):
    counts = made[1]
    assert headers(proposal.found.roles) == {
        "customer": "Member No",
        "expires": "Paid Until",
        "time": "Booked On",
        "type": "Event Type",
        "amount": "Amount",
        "plan": "Plan Name",
    }
    assert headers(proposal.usage.roles) == {
        "usage_customer": "member_no",
        "usage_day": "day",
        "usage_minutes": "minutes",
    }
    profile = proposal.profile
    assert profile.customers == counts["customers"]
    assert profile.trials == counts["trial_started"]
    assert profile.cancels == counts["subscription_cancelled"]
    assert profile.refunds == counts["refund"]
    # a year that is paid for is a renewal, whatever its row is called
    years = profile.payments - counts["payment_succeeded"]
    assert 0 < years == counts["plan_changed"] + counts["paused"] - profile.changes
    assert profile.lengths[0][0] == 30
    # renewals come on the day or up to three days late, or after 30 days and more
    assert profile.gaps[:3] == (0, 2, 3)
    assert proposal.texts is not None


@pytest.mark.parametrize(
    ("part", "word"),
    [
        ("payments", "payment_succeeded"),
        ("payments", "Renewal"),
        ("payments", "subscription_started"),
        ("trials", "Trial Start"),
        ("cancels", "trial_cancelled"),
        ("cancels", "subscription canceled"),
        ("refunds", "payment_refunded"),
        ("refunds", "credit-note"),
        ("changes", "Paused"),
        ("changes", "subscription_resumed"),
        ("changes", "plan change"),
        ("changes", "UPGRADE"),
        (None, "payment_failed"),
        (None, "unpaid"),
        (None, "expired"),
    ],
)
def test_words_are_sorted_by_what_they_say(part, word):
    found = sorted_words([word])
    assert found.known == ((word,) if part else ())
    assert part is None or getattr(found, part) == (word,)


def test_what_is_said_goes_before_what_is_proposed(made):
    wishes = Wishes(
        columns={"plan": "none"},
        usage="none",
        cancels=("paused",),
        title="The club",
        currency="€",
        timezone="Europe/Paris",
    )
    said = propose("club", "subscription", made[0], wishes)
    entry = yaml.safe_load(said.texts.entry)["club"]
    assert (entry["title"], entry["currency"], entry["timezone"]) == (
        "The club",
        "€",
        "Europe/Paris",
    )
    assert entry["staged"].keys() == {"periods", "payments"}
    assert said.found.words.cancels == ("paused", "subscription_cancelled")
    assert said.found.words.changes == ("plan_changed",)
    assert "plan_name" not in said.texts.files["_club__sources.yml"]


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        (Wishes(columns={"customer": "Nobody"}), "There is no column 'Nobody'"),
        (Wishes(columns={"colour": "Amount"}), "'colour' is not a part"),
        (Wishes(columns={"expires": "none"}), "No column is recognised as the end of the paid"),
        (Wishes(table="visits"), "There is no table 'visits'"),
        (Wishes(usage="visits"), "There is no table 'visits'"),
        (Wishes(trials=("gratis",)), "gratis is not a value of Event Type"),
        (Wishes(horizon_days=30), "--horizon-days says nothing"),
    ],
)
def test_what_does_not_fit_the_files_is_refused_with_what_to_do(made, wishes, words):
    with pytest.raises(ChurnError, match=words) as refusal:
        propose("club", "subscription", made[0], wishes)
    assert refusal.value.hint


def test_orders_are_told_nothing_of_trials(made):
    with pytest.raises(ChurnError, match="--trials says nothing to a domain of kind no_contract"):
        propose("club", "no_contract", made[0], Wishes(trials=("trial_started",)))


def test_flags_moments_and_ends_that_are_the_last_paid_day_are_understood(raw_dir):
    """Columns of yes and no instead of words, and periods that end on the eve of the next one."""
    rows = ["member,paid_at,valid_until,plan_days,price,amount_paid,auto_renew,is_cancel,method"]
    for number in range(40):
        for month in range(1, 12):
            day = f"2023-{month:02d}-{number % 27 + 1:02d}"
            ends = f"2023-{month + 1:02d}-{number % 27 + 1:02d}"
            with duckdb.connect() as connection:
                (ends,) = connection.execute(f"select date '{ends}' - 1").fetchone()
            rows.append(f"m{number},{day} 10:00:00,{ends},30,9.99,9.99,{number % 2},0,card")
        rows.append(f"m{number},2023-11-29 11:00:00,{ends},30,9.99,9.99,0,1,card")
    (raw_dir / "memberships.csv").write_text("\n".join(rows) + "\n")
    found = propose("club", "subscription", raw_dir, Wishes())
    assert headers(found.found.roles) == {
        "customer": "member",
        "expires": "valid_until",
        "time": "paid_at",
        "cancel": "is_cancel",
        "auto_renew": "auto_renew",
        "amount": "amount_paid",
        "list_price": "price",
        "plan_days": "plan_days",
        "method": "method",
    }
    assert found.profile.cancels == 40
    assert found.found.ends_on_last_day
    assert found.profile.gaps[1] == 0
    assert any("last paid day" in line for line in found.assumed)


def test_a_change_that_renews_nothing_is_followed_and_a_pause_is_not_a_lapse():
    """b pauses for two months and goes on; a is not heard of again."""
    rows = [
        ("a", "2022-01-20", "2022-02-20", False),
        ("b", "2022-01-20", "2022-02-20", False),
        ("b", "2022-02-10", "2022-04-20", True),
        ("b", "2022-04-20", "2022-05-20", False),
        ("z", "2023-06-30", "2023-07-30", False),
    ]
    with duckdb.connect() as connection:
        connection.execute(
            "create table rows (customer_id varchar, transacted_on date, expires_on date, "
            "is_change boolean)"
        )
        connection.executemany("insert into rows values (?, ?, ?, ?)", rows)
        load_purchases(connection, "select *, false as is_cancel from rows")
        (month,) = compare_lapses(connection, (30,))
        purchases = connection.execute(
            "select customer_id, cast(expires_on as varchar) from purchases order by all"
        ).fetchall()
    assert ("b", "2022-04-20") in purchases and len(purchases) == 4
    # the first and the 16th: a leaves in February, b stays in April and leaves in May
    assert (month.closed, month.churn_rate) == (6, pytest.approx(4 / 6))
    assert month.come_back == 0


@pytest.mark.parametrize(
    ("come_back", "words"),
    [
        ((0.5, 0.2), "20% of those who left come back later."),
        ((0.5, 0.4, 0.1), "which is many.* After 60 days few do"),
        ((0.5, None), "nobody was observed for long enough"),
    ],
)
def test_the_advice_is_about_those_who_come_back(come_back, words):
    lapses = [
        Lapse(days, 900, 0.1, share, 10, 5)
        for days, share in zip((7, 30, 60), come_back, strict=False)
    ]
    assert re.search(words, advice(lapses))


def test_a_domain_makes_few_files_and_lines(project, proposal):
    before = lines_of(project)
    written = write_proposal(proposal, project)
    after = lines_of(project)
    new = after.keys() - before.keys()
    assert len(new) <= MOST_FILES
    assert sum(after.values()) - sum(before.values()) <= MOST_LINES
    assert {project / path for path in written} == {
        path for path, lines in after.items() if lines != before.get(path)
    }
    with (project / "seeds" / "retention_actions.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["domain"] == "club"]
    assert len(rows) == 6 and all(row["priors_source"].startswith("assumption") for row in rows)
    assert {row["condition"] for row in rows} == {"not_cancelled", "cancelled"}


def test_a_domain_that_was_made_from_files_can_be_copied(project, proposal):
    write_proposal(proposal, project)
    written = new_domain("gym", "club", project)
    texts = {path.name: (project / path).read_text() for path in written if "gym" in path.name}
    sources = texts["_gym__sources.yml"]
    assert [sources.count(f"\n{part}:\n") for part in ("sources", "models", "exposures")] == [1] * 3
    assert "stg_gym__usage.sql" in texts
    assert not any("club" in text for text in texts.values())


@pytest.mark.long
def test_a_subscription_is_scored_within_its_known_ceiling(project, home, tmp_path):
    """Trials, pauses, other plans and refunds: outcomes as drawn, and hardly a better score."""
    raw = tmp_path / "raw"
    write_made_subscription(raw)
    said = churn(project, home, *("domain", "new", "club", "--kind", "subscription", "--from", raw))
    assert "Taken as changes: paused, plan_changed" in said and "◀ the kind's" in said
    churn(project, home, "run", "--domain", "club", "--raw", raw)
    scored, actions, quality = published(home, "club")
    assert scored > 300 and actions > 0
    assert quality["lightgbm"] < min(quality["hand_rule"], quality["base_rate"])

    truth = home.demo_truth / "club.parquet"
    truth.parent.mkdir(parents=True)
    shutil.copy(tmp_path / "truth" / "club.parquet", truth)
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        rows, closed, wrong, missing = connection.execute(
            f"""
            select
                count(examples.customer_id),
                count(*) filter (examples.is_churned is not null),
                count(*) filter (examples.is_churned != truth.has_lapsed),
                count(*) filter (examples.customer_id is null or truth.customer_id is null)
            from club.club__churn_examples as examples
            full join (
                select * from read_parquet('{truth}')
                where as_of_date >= (select min(as_of_date) from club.club__churn_examples)
            ) as truth using (customer_id, as_of_date)
            where as_of_date <= (select max(as_of_date) from read_parquet('{truth}'))
            """
        ).fetchone()
        given_back = connection.execute(
            "select count(*) from subscription.stg_subscription__payments "
            "where domain = 'club' and amount_cents < 0"
        ).fetchone()
    assert (wrong, missing) == (0, 0)
    assert rows > closed > 20_000
    assert given_back[0] > 500
    ceiling = demo_ceiling(home, current(home), "club")
    assert ceiling.recovered >= LEAST_OF_THE_WAY

    previewed = churn(project, home, "definition", "preview", "--domain", "club")
    assert "Recommended: 30 days" in previewed
    check_the_house(project, home, "club")
