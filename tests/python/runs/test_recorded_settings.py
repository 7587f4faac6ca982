"""What a run recorded is read by code that knows more settings."""

import pytest
from made_recipe import VERSION_1

from ml.recipe import RECIPE
from pipeline.project.files import write_json
from pipeline.runs.registry import settings_of


def test_a_run_from_before_bands_were_settings_has_those_it_was_given(tmp_path):
    assert not VERSION_1["settings"]["risk_bands"]
    write_json(tmp_path / RECIPE, VERSION_1)
    bands = settings_of(tmp_path).risk_bands
    assert bands.cuts == pytest.approx(VERSION_1["bands"])
    assert bands.because
