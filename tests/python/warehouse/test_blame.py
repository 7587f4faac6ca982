"""Whose fault a failed build is: a domain's own, that of the rows found, or nobody's alone."""

import duckdb
import pytest

from pipeline.warehouse.blame import DbtError, FailedNode, domains_to_blame
from pipeline.warehouse.dbt import AFTER_ML, BEFORE_ML, without

DOMAINS = ("kkbox", "ecommerce")


def failed(path, sql="", *, is_test=True):
    return FailedNode("a_name", path, is_test, sql, "3 rows")


def blamed(home, *nodes, words=None):
    error = DbtError("dbt build failed.", where=words)
    error.failed = nodes
    return domains_to_blame(home, error, DOMAINS)


@pytest.fixture
def built(home):
    home.root.mkdir(parents=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create table wrong as select 'kkbox' as domain, 1 as row")
    return home


@pytest.mark.parametrize("is_test", [True, False])
def test_what_a_domain_has_of_its_own_is_its_fault(built, is_test):
    node = failed("models/kkbox/marts/_kkbox__marts.yml", is_test=is_test)
    assert blamed(built, node) == {"kkbox": ["a_name: 3 rows"]}


def test_a_shared_test_is_the_fault_of_the_domains_in_the_rows_it_found(built):
    node = failed("tests/assertions/assert_x.sql", "with a as (from wrong) select * from a")
    assert blamed(built, node) == {"kkbox": ["a_name: 3 rows"]}


@pytest.mark.parametrize(
    "node",
    [
        failed("models/churn/cohorts/x.sql", is_test=False),
        failed("models/churn/cohorts/x.sql", "select 1 as row", is_test=True),
        failed("tests/assertions/assert_x.sql", "select 'gone' as domain"),
        failed("models/kkbox_two/x.sql"),
    ],
    ids=["a shared model", "no domain in its rows", "an unknown domain", "another folder"],
)
def test_what_is_not_of_single_domains_is_nobodys_fault(built, node):
    own = failed("models/ecommerce/marts/x.sql")
    assert blamed(built, own, node) == {}


def test_a_file_that_cannot_be_read_is_the_fault_of_its_domain(built):
    words = f"No magic bytes found at end of file '{built.lake}/kkbox/user_logs/a/a.parquet'"
    assert blamed(built, words=words) == {"kkbox": [words]}
    assert blamed(built, words="Compilation Error in model x") == {}


def test_what_is_left_out_is_neither_built_nor_tested():
    assert without(BEFORE_ML, ()) == BEFORE_ML
    assert without(BEFORE_ML, ["kkbox"]) == (*BEFORE_ML, "path:models/kkbox")
    assert without(AFTER_ML, ["kkbox"]) == (*AFTER_ML, "--exclude", "path:models/kkbox")
