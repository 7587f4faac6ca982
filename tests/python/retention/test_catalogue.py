"""A wrong catalogue or import is refused with what, where and what to do."""

import csv
import re

import pytest

from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.retention.catalogue import CATALOGUE, check_catalogue


@pytest.fixture
def changed(tmp_path):
    """A copy of the catalogue with cells of one row changed: `changed(row, column=value)`."""

    def change(number, **cells):
        with CATALOGUE.open(newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            names = reader.fieldnames
        rows[number] |= cells
        path = tmp_path / "actions.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
        return path

    return change


def test_the_projects_own_catalogue_is_right():
    check_catalogue(domain_entries())


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"domain": "nope"}, "domain is 'nope'"),
        ({"themes": "payment|weather"}, "themes has 'weather'"),
        ({"condition": "sunny"}, "condition is 'sunny'; leave it empty or write one of kkbox."),
        ({"contact_cost": "-1"}, "contact_cost is '-1'"),
        ({"contact_cost": "nan"}, "contact_cost is 'nan'"),
        ({"incentive_cost": "0.005"}, "money has two decimals"),
        ({"save_alpha": "0"}, "save_alpha is '0'; write a number above 0"),
        ({"lead_days": "1.5"}, "lead_days is '1.5'; write whole days"),
        ({"min_probability": "2"}, "min_probability is '2'"),
        ({"min_value": "9", "max_value": "3"}, "min_value is above max_value"),
        ({"is_active": "yes"}, "write true or false"),
        ({"title": ""}, "title is empty"),
        ({"message_hint": "Due on {day}"}, "message_hint has {day}, which nothing fills in"),
        ({"priors_source": "our feeling"}, "or mark it as an assumption"),
        ({"measured_customers": "500"}, "but measured_customers is not empty"),
    ],
)
def test_each_mistake_is_named_with_its_line_and_action(changed, cells, words):
    with pytest.raises(ChurnError) as refusal:
        check_catalogue(domain_entries(), changed(1, **cells))
    assert words in refusal.value.where
    assert re.search(r"line 3, \w+: ", refusal.value.where)
    assert "actions.csv" in refusal.value.where
    assert refusal.value.hint


def test_an_action_that_is_there_twice_names_both_lines(changed):
    with CATALOGUE.open(newline="") as file:
        first = next(csv.DictReader(file))["action_id"]
    with pytest.raises(ChurnError) as refusal:
        check_catalogue(domain_entries(), changed(2, action_id=first))
    assert f"line 4, {first}: action_id is also on line 2" in refusal.value.where


def test_a_capacity_of_a_channel_without_actions_is_named_with_its_domain():
    entries = domain_entries()
    domain, settings = next(iter(entries.items()))
    entries[domain] = settings.with_changes({"retention": {"capacities": {"pigeon": 3}}})
    with pytest.raises(ChurnError) as refusal:
        check_catalogue(entries)
    assert f"{domain}.retention: no action uses the channel 'pigeon'" in refusal.value.where
