"""Hours are those of the place where the domain's customers are."""

from types import SimpleNamespace

import duckdb
import pytest
from jinja2 import Environment

from pipeline.project.home import PROJECT

MACRO = PROJECT / "macros" / "time" / "local_time.sql"


def hour(zone, moment):
    adapter = SimpleNamespace(dispatch=lambda name: getattr(macros, f"duckdb__{name}"))
    template = Environment().from_string(
        MACRO.read_text(),
        globals={"var": lambda _: {"shop": {"timezone": zone}}, "adapter": adapter},
    )
    macros = template.module
    sql = macros.local_time(f"timestamp '{moment}'", "shop")
    return duckdb.execute(f"select extract(hour from {sql})").fetchone()[0]


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        ("UTC", "2020-07-01 20:30:00", 20),
        ("Asia/Taipei", "2020-07-01 20:30:00", 4),
        ("America/Sao_Paulo", "2020-07-01 02:30:00", 23),
        # summer time
        ("Europe/Berlin", "2020-07-01 20:30:00", 22),
        ("Europe/Berlin", "2020-01-01 20:30:00", 21),
    ],
)
def test_an_hour_is_that_of_the_domain(zone, moment, expected):
    assert hour(zone, moment) == expected
