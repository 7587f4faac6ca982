"""Files are read under the names they have: `[`, `*` and `?` in a path are no patterns."""

import re
from pathlib import Path

import duckdb
import pytest

from pipeline.project.duck import file_sql, files_sql, folder_sql, parquet_select, to_read
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT

ODD = ["a[1].csv", "a*b.csv", "a?b.csv", "a[!x].csv", "[v2] it's.csv", "a[.csv", "a]b.csv", "{a}*"]


@pytest.mark.parametrize("name", ODD)
def test_a_file_is_read_and_not_what_its_name_matches(name, tmp_path):
    folder = tmp_path / "h [v2]*?"
    folder.mkdir()
    for other in ("a1.csv", "axb.csv", "ax.csv", "v it's.csv", "{a}b"):
        (folder / other).write_text("x\nother\n")
    (folder / name).write_text("x\nown\n")
    rows = f"read_csv({file_sql(folder / name)}, header = true, columns = {{'x': 'varchar'}})"
    assert duckdb.sql(f"from {rows}").fetchall() == [("own",)]


def test_a_folder_is_read_and_not_what_its_name_matches(tmp_path):
    for name, row in (("h [v2]*?", 1), ("h vxx", 2)):
        (tmp_path / name).mkdir()
        duckdb.sql(f"copy (select {row} as x) to '{tmp_path / name / 'a.parquet'}'")
    files = folder_sql(tmp_path / "h [v2]*?")
    assert duckdb.sql(f"from read_parquet({files})").fetchall() == [(1,)]


def test_a_path_without_such_characters_stays_as_it_is(tmp_path):
    assert to_read(tmp_path / "back\\slash.csv") == str(tmp_path / "back\\slash.csv")


def test_a_backslash_in_such_a_path_is_refused_rather_than_read_as_another(tmp_path):
    with pytest.raises(ChurnError, match="backslash") as refused:
        to_read(tmp_path / "a\\b[1].csv")
    assert "Rename" in refused.value.hint


def test_lists_and_views_take_odd_paths_too(tmp_path):
    file = tmp_path / "a[1].parquet"
    duckdb.sql(f"copy (select 1 as x) to '{file}'")
    duckdb.sql(f"copy (select 2 as x) to '{tmp_path / 'a1.parquet'}'")
    assert duckdb.sql(f"from read_parquet([{files_sql([file])}])").fetchall() == [(1,)]
    with duckdb.connect() as connection:
        view = parquet_select(connection, [file], {"x": "integer", "y": "date"})
        assert connection.execute(view).fetchall() == [(1, None)]


def test_no_code_gives_duckdb_a_path_to_read_that_could_be_a_pattern():
    given = re.compile(
        r"read_(?:csv|parquet)\(\[?\{(?:quoted|listed)\(|from \{quoted\(|read_parquet\('\{"
    )
    found = [
        f"{path.relative_to(PROJECT)}: {line.strip()}"
        for room in ("app", "cli", "ml", "pipeline")
        for path in sorted((PROJECT / room).rglob("*.py"))
        for line in Path(path).read_text().splitlines()
        if given.search(line)
    ]
    assert found == []
