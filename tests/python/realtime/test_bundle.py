"""A bundle is read by code that needs more of it than the code that wrote it."""

import pytest

from pipeline.realtime.bundle import FOLDER, bundle_folder
from pipeline.realtime.errors import NotReadyError


def test_a_bundle_without_todays_files_is_refused_with_what_to_do(tmp_path):
    generation = tmp_path / "churn_1.duckdb"
    generation.touch()
    folder = generation.with_suffix("") / FOLDER
    folder.mkdir(parents=True)
    for name in ("reasons.json", "decisions.json", "coverage.json"):
        (folder / name).touch()
    with pytest.raises(NotReadyError, match="an older version published it") as refusal:
        bundle_folder(generation, "kkbox")
    assert "churn run" in refusal.value.hint
    (folder / "identities.json").touch()
    assert bundle_folder(generation, "kkbox") == folder
