"""Nights of a membership lived by `churn nightly`: when it trains, and missed ones made up for.

The outcomes of the cohort of 16 January are known from 17 March on.
"""

import json
import shutil

import duckdb
import pytest
from nights import World, churn
from published_rows import ASIDE

from pipeline.demo.nights import HISTORY, NightOptions
from pipeline.publish.generation import SCHEMA, current
from pipeline.runs.registry import live_run, recipe_of

DOMAIN = "kkbox"


class Lived:
    """Two homes from one history: nights are lived in one and missed in the other."""

    def __init__(self, folder):
        # the last day of the demo is 31 March: the first night brings 16 March
        self.world = World(DOMAIN, folder, scale=0.1, options=NightOptions(16))
        self.folder, self.days = folder, self.world.nights.days()
        assert str(self.days[0]) == "2017-03-16"
        self.one, self.other = self.world.home, self.world.clean
        self.spool = folder / "spool"
        shutil.copytree(self.world.arrives[HISTORY], self.spool)

    def live(self, home, morning, *arguments):
        done = churn(home, morning, "nightly", "--domain", DOMAIN, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def arrive(self, day):
        for path in self.world.arrives[str(day)].glob("*.csv"):
            shutil.copy(path, self.spool)


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A first night, then two in one home, and one in another that was off for the first."""
    made = Lived(tmp_path_factory.mktemp("lived"))
    first, second, third = made.days[:3]
    made.statuses = [made.live(made.one, first, "--raw", made.spool)]
    shutil.copytree(made.one.root, made.other.root, symlinks=True)
    made.hashes = [recipe_of(live_run(made.one, DOMAIN)).model_hash]
    made.scores = [scores(made.one)]
    for day, morning in ((first, second), (second, third)):
        made.arrive(day)
        made.statuses.append(made.live(made.one, morning))
        made.hashes.append(recipe_of(live_run(made.one, DOMAIN)).model_hash)
        made.scores.append(scores(made.one))
    made.late = made.live(made.other, third)
    return made


def scores(home):
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        return connection.execute(
            f"select as_of_date, customer_id, churn_probability from {SCHEMA}.bi_churn_risk "
            "order by all"
        ).fetchall()


@pytest.mark.long
def test_a_night_trains_at_first_and_then_only_when_a_cohort_has_closed(lived):
    because = [status["domains"][DOMAIN]["trained_because"] for status in lived.statuses]
    assert because == [
        "no model is live yet",
        "the outcomes of the cohort of 2017-01-16 are known",
        None,
    ]
    first, second, third = lived.hashes
    assert first != second == third
    # a new day has other scores by the same model
    days = [rows[0][0] for rows in lived.scores]
    assert days == sorted(set(days))
    assert lived.scores[1] != lived.scores[2]


@pytest.mark.long
def test_missed_nights_are_made_up_for_to_the_last_bit(lived):
    """And the folder of the last load is remembered."""
    assert [step["name"] for step in lived.late["steps"]].count("missed night") == 1
    one, other = current(lived.one), current(lived.other)
    assert one.tables == other.tables
    with duckdb.connect() as connection:
        connection.execute(f"attach '{one.path}' as one (read_only)")
        connection.execute(f"attach '{other.path}' as other (read_only)")
        for table in sorted(one.tables):
            columns = [
                f'"{row[0]}"'
                for row in connection.execute(f"describe one.{SCHEMA}.{table}").fetchall()
                if row[0] not in ASIDE
            ]
            picked = ", ".join(columns)
            for left, right in (("one", "other"), ("other", "one")):
                only = connection.execute(
                    f"select count(*) from (select {picked} from {left}.{SCHEMA}.{table} "
                    f"except all select {picked} from {right}.{SCHEMA}.{table})"
                ).fetchone()
                assert only == (0,), table
