"""CHURN_HOME: where it is, and which paths it cannot have."""

import pytest

from pipeline.project.errors import ChurnError
from pipeline.project.home import home


@pytest.mark.parametrize("name", ["a?b", "a#b", "a\\b"])
def test_a_home_that_dbt_or_duckdb_would_misread_is_refused_in_words(name, tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(tmp_path / name))
    with pytest.raises(ChurnError, match="CHURN_HOME has a") as refused:
        home()
    assert name in refused.value.where


def test_other_odd_names_are_fine(tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(tmp_path / "churn [v2]* it's {x} %41"))
    assert home().root == tmp_path / "churn [v2]* it's {x} %41"
