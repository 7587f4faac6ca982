"""The linter of macros sees the SQL inside them."""

from pathlib import Path

import pytest
from sqlfluff.core import Linter

from tests.lint_macros import ROOT, config, violations

GOOD = "    cast({{ a }} as integer) + 1"


@pytest.fixture(scope="module")
def linter():
    return Linter(config=config())


def lint(linter, folder: Path, body: str, name: str = "shown") -> list[str]:
    path = folder / "shown.sql"
    path.write_text(f"{{#- Shown. -#}}\n{{% macro {name}(a) -%}}\n{body}\n{{%- endmacro %}}\n")
    return [line.partition("shown.sql:")[2] for line in violations(path, linter)]


def test_a_macro_in_style_passes(linter, tmp_path):
    assert lint(linter, tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("    CAST({{ a }} as integer) + 1", "3: CP03"),
        ("    cast({{ a }} as integer)+1", "3: LT01"),
        ("    select *\n      from {{ a }}", "4: LT02"),
        ("    select a, b\n    from {{ a }}", "3: LT09"),
        (f"{GOOD} + {'1' * 90}", "3: longer than 100 columns"),
    ],
)
def test_a_macro_out_of_style_is_named_with_its_line(linter, tmp_path, body, place):
    found = lint(linter, tmp_path, body)
    assert found
    assert all(line.startswith(place) for line in found)


def test_a_macro_lies_in_a_file_of_its_name(linter, tmp_path):
    (line,) = lint(linter, tmp_path, GOOD, name="another")
    assert "one macro and its name" in line


def test_every_folder_of_macros_holds_only_macros():
    assert {path.suffix for path in (ROOT / "macros").rglob("*.*")} == {".sql"}
