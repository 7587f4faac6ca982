"""What outsiders read is described, completely and once."""

import shutil

import duckdb
import pytest
import yaml

from pipeline.docs.dictionary import write_dictionary, written
from pipeline.project.home import PROJECT
from pipeline.project.serving_tables import published_tables
from pipeline.publish.generation import current

CUSTOMERS = "models/serving/customers/_serving__customers.yml"
NUMBERS = {"bigint", "integer", "double"}


def missing(project):
    """Return what the YAML of the published tables fails to say."""
    return [
        words
        for table in published_tables(project)
        for words in [
            *([] if table.description.startswith("One row per ") else [f"{table.name}: grain"]),
            *([] if table.question else [f"{table.name}: question"]),
            *([] if table.key else [f"{table.name}: key"]),
            *[
                f"{table.name}.{column.name}: {what}"
                for column in table.columns
                for what, is_there in {
                    "type": column.data_type,
                    "description": column.description,
                    "unit": column.unit or column.data_type not in NUMBERS,
                }.items()
                if not is_there
            ],
        ]
    ]


@pytest.fixture
def project(tmp_path):
    """A copy of what the dictionary is made from and of what it writes."""
    copy = tmp_path / "project"
    for name in ("models", "docs"):
        shutil.copytree(PROJECT / name, copy / name)
    return copy


def test_every_published_column_has_a_meaning_and_every_number_a_unit():
    assert missing(PROJECT) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            'description: "Churn probability above which the action pays for this customer."',
            "break_even_",
        ),
        ("config: {meta: {unit: log-odds}}", "contribution_log_odds: unit"),
        ('question: "Which segments is a customer in', "bi_customer_segments: question"),
    ],
)
def test_what_is_not_described_is_noticed(project, said, words):
    path = project / CUSTOMERS
    text = path.read_text()
    assert said in text
    path.write_text(text.replace(said, f"other_{said}"))
    assert any(words in found for found in missing(project)), missing(project)


def test_the_dictionary_is_that_of_the_yaml():
    for path, text in written().items():
        assert (PROJECT / path).read_text() == text, f"{path} is old: run `churn dictionary`"


def test_a_changed_description_makes_the_dictionary_old(project):
    path = project / CUSTOMERS
    path.write_text(path.read_text().replace("Suggested message.", "Said."))
    assert [str(changed) for changed in write_dictionary(project)] == ["docs/dictionary.md"]
    assert "Said." in (project / "docs" / "dictionary.md").read_text()


def test_what_is_published_is_what_is_described(demo):
    generation = current(demo[0])
    with duckdb.connect(str(generation.path), read_only=True) as connection:
        published = connection.execute(
            "select table_name, column_name, lower(data_type), comment from duckdb_columns() "
            "where schema_name = 'serving' order by table_name, column_index"
        ).fetchall()
    described = sorted(published_tables(), key=lambda table: table.name)
    assert published == [
        (table.name, column.name, column.data_type, column.description)
        for table in described
        for column in table.columns
    ]


def test_every_published_table_has_a_reader():
    exposures = [
        exposure
        for path in (PROJECT / "models").rglob("*.yml")
        for exposure in yaml.safe_load(path.read_text()).get("exposures", ())
    ]
    read = {
        reference.split("'")[1] for exposure in exposures for reference in exposure["depends_on"]
    }
    in_tableau = {
        reference.split("'")[1]
        for exposure in exposures
        if "tableau" in exposure["name"]
        for reference in exposure["depends_on"]
    }
    published = {table.name for table in published_tables()}
    assert read == published
    assert in_tableau == {name for name in published if name.startswith("bi_")}
