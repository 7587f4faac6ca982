"""A fortnight in which the CRM works its list off: arms, budgets and do-not-contact hold.

Each morning everybody whom the list names is contacted and reported, and some are suppressed. And a
night on which nothing is reported and nothing goes wrong leaves the rows of the CRM as they are.
"""

import csv
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

import duckdb
import pytest
from nights import World, churn

from pipeline.demo.nights import MISHAPS, NightOptions
from pipeline.project.exit_codes import PUBLISHED
from pipeline.publish.generation import current

DOMAINS = ("kkbox", "ecommerce")
SCALE = 0.2
# Of the customers that a list names, every so many is suppressed instead of contacted.
SUPPRESSED = 20
NEWS = ("risk_score", "risk_band", "driver_group_1", "driver_group_2", "driver_group_3", "due_on")
LIST = ("recommended_action", "channel", "holdout_flag", "is_suppressed")


@dataclass
class Mornings:
    """What the CRM did, and what each list said.

    Attributes:
        domain: Domain.
        contacts: Customer, day and action of every contact.
        suppressed: Customers suppressed so far.
        controls: Period → customers who were ever in its control group.
        wrong: What no list may say, in words.
        plans: Day, period, budget, charged, reserved and expected spend.
        ends: Period → the day on which the next one begins.
        lists: Day → customer → row of the CRM table.
        models: Day → hash of the model that scored it.
        periods: Day → first day of its period.
    """

    domain: str
    contacts: list[tuple[str, date, str]] = field(default_factory=list)
    suppressed: set[str] = field(default_factory=set)
    controls: dict[date, set[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    plans: list[tuple] = field(default_factory=list)
    ends: dict[date, date] = field(default_factory=dict)
    lists: dict[date, dict[str, dict]] = field(default_factory=dict)
    models: dict[date, str] = field(default_factory=dict)
    periods: dict[date, date] = field(default_factory=dict)

    def read(self, home, day):
        """Read what is published; return the customers to contact, with their actions."""
        with duckdb.connect(str(current(home).path), read_only=True) as connection:

            def rows(sql):
                found = connection.execute(sql, [self.domain])
                names = [column[0] for column in found.description]
                return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

            listed = rows("select * from serving.crm_churn_actions where domain = ?")
            arms = rows(
                "select customer_id, arm, period_start, decision from serving.bi_churn_actions "
                "where domain = ?"
            )
            (plan,) = rows("select * from serving.bi_retention_budget where domain = ?")
            (live,) = rows("select * from serving.bi_models where is_live and domain = ?")
        self.models[day], self.periods[day] = live["model_hash"], plan["period_start"]
        self.lists[day] = {row["customer_id"]: row for row in listed}
        self.plans.append(
            (
                day,
                plan["period_start"],
                plan["budget"],
                plan["budget_charged"],
                plan["budget_reserved"],
                plan["expected_spend"],
            )
        )
        self.ends[plan["period_start"]] = plan["period_end"]
        of_period = self.controls.setdefault(plan["period_start"], set())
        of_period |= {row["customer_id"] for row in arms if row["arm"] == "control"}
        to_contact = {
            row["customer_id"]: row["recommended_action"]
            for row in listed
            if row["recommended_action"] is not None
        }
        for customer in to_contact.keys() & of_period:
            self.wrong.append(f"{day}: {customer} is a control and listed")
        for customer in to_contact.keys() & self.suppressed:
            self.wrong.append(f"{day}: {customer} is suppressed and listed")
        return to_contact

    def work_off(self, home, night):
        """Contact whom the list names and report it; suppress a few of them."""
        today = night.day + timedelta(days=1)
        to_contact = sorted(self.read(home, night.day).items())
        asked = [customer for customer, _ in to_contact[::SUPPRESSED]]
        reached = [(one, today, action) for one, action in to_contact if one not in asked]
        self.suppressed.update(asked)
        self.contacts += reached
        folder = home.root.parent
        self._report(
            home,
            today,
            "suppress",
            folder,
            ["customer_id", "reason"],
            [(one, "asked us to stop") for one in asked],
        )
        self._report(
            home, today, "contacts", folder, ["customer_id", "contacted_on", "action_id"], reached
        )

    def _report(self, home, today, command, folder, header, rows):
        if not rows:
            return
        path = folder / f"{command}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
        done = churn(home, today, command, "--domain", self.domain, "--file", path)
        assert done.returncode == PUBLISHED, done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.parametrize("domain", DOMAINS)
def test_controls_and_suppressed_customers_are_left_alone_and_a_budget_holds(domain, tmp_path):
    options = NightOptions(14, tuple(MISHAPS), 1)
    world, mornings = World(domain, tmp_path, scale=SCALE, options=options), Mornings(domain)
    world.start()
    world.live(mornings.work_off)
    assert len({one for one, *_ in mornings.contacts}) > 100
    assert len(mornings.suppressed) > 5
    assert mornings.wrong == []
    for period, controls in mornings.controls.items():
        assert controls, "a period has a control group"
        # the next period draws everybody again
        reached = {
            one for one, day, _ in mornings.contacts if period <= day < mornings.ends[period]
        }
        assert not reached & controls, period
    for day, _, budget, charged, reserved, spend in mornings.plans:
        assert charged + reserved + spend <= budget + 0.01, day
    # what was reported is charged, not only planned
    assert max(charged for _, _, _, charged, *_ in mornings.plans) > 0


@pytest.mark.long
@pytest.mark.parametrize("domain", DOMAINS)
def test_a_night_without_news_changes_few_rows(domain, tmp_path):
    """Of customers listed on both nights who did nothing that day themselves.

    News is a model that has learned from one more cohort, and a period that draws everybody again.
    """
    world, mornings = (
        World(domain, tmp_path, scale=SCALE, options=NightOptions(7)),
        Mornings(domain),
    )
    world.start()
    world.live(lambda home, night: mornings.read(home, night.day) and None)
    quiet, news = {}, {}
    for before, day in pairwise(sorted(mornings.lists)):
        busy = {
            row.split(",")[feed.id_at]
            for name, feed in world.nights.feeds.items()
            for row in world.nights.true_rows[name].get(day, [])
        }
        earlier, now = mornings.lists[before], mornings.lists[day]
        idle = [
            one
            for one in earlier.keys() & now.keys() - busy
            if not earlier[one]["is_deleted"]
            and not now[one]["is_deleted"]
            and now[one]["scored_at"] != earlier[one]["scored_at"]
        ]
        changed = {
            name: sum(earlier[one][name] != now[one][name] for one in idle)
            for name in (*NEWS, *LIST)
        }
        rows = sum(earlier[one]["row_hash"] != now[one]["row_hash"] for one in idle)
        same_model = mornings.models[before] == mornings.models[day]
        same_period = mornings.periods[before] == mornings.periods[day]
        kind = quiet if same_model and same_period else news
        kind[day] = (rows / len(idle), len(idle), changed)
    print(f"{domain}: without news {quiet}\n{domain}: with news {news}")  # noqa: T201 - figures
    assert len(quiet) >= 3, news
    assert all(share < 0.05 for share, *_ in quiet.values()), quiet
