"""Adopting writes one line of the project's file, and only what has proven its gain is adopted."""

import pyarrow.parquet as pq
import pytest
import yaml

from ml.evaluation.corrections import CorrectionGains, Gain
from pipeline.corrections import entry, ledger
from pipeline.corrections.catalogue import corrections_of
from pipeline.corrections.judge import TestedCorrection
from pipeline.project.corrections import check_corrections
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT, Home

NAME, OTHER = "periods_expiries_restated", "periods_zero_payments_priced"
NOTHING = Gain(0.0, -0.001, 0.001, 0.0005, 1000)
GAIN = Gain(0.004, 0.002, 0.006, 0.0008, 1000)
RIGHT = CorrectionGains(GAIN, {"2017-01-01": GAIN}, GAIN, NOTHING, NOTHING, GAIN, NOTHING, NOTHING)


@pytest.fixture
def project(tmp_path):
    """A folder with the project's file in it."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "dbt_project.yml").write_text((PROJECT / "dbt_project.yml").read_text())
    return folder


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def test_comments_and_layout_stay_and_dropping_restores_the_file(home, project):
    path = project / "dbt_project.yml"
    before = path.read_text()
    known = corrections_of("kkbox")
    for name in (NAME, OTHER):
        ledger.keep_tests(home, "kkbox", [TestedCorrection(known[name], 5, 3, RIGHT, 3)])
    entry.adopt(home, known[NAME], (), None, project)
    entry.adopt(home, known[OTHER], (NAME,), None, project)
    after = path.read_text()
    domains = yaml.safe_load(after)["vars"]["churn_domains"]
    assert domains["kkbox"]["corrections"] == [NAME, OTHER]
    assert "corrections" not in domains["ecommerce"]
    changed = set(after.splitlines()) ^ set(before.splitlines())
    assert changed == {f"      corrections: [{NAME}, {OTHER}]"}
    entry.drop(home, known[OTHER], (NAME, OTHER), project)
    entry.drop(home, known[NAME], (NAME,), project)
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("judged", "why"),
    [(None, "nothing to correct"), (RIGHT, "never tested"), (RIGHT, "SQL has changed")],
)
def test_what_has_not_proven_its_gain_is_refused_unless_a_reason_is_given(
    home, project, judged, why
):
    correction = corrections_of("kkbox")[NAME]
    if why != "never tested":
        ledger.keep_tests(home, "kkbox", [TestedCorrection(correction, 0, 0, judged, 3)])
    if why == "SQL has changed":
        correction = corrections_of("kkbox")[OTHER].__class__(
            **{**correction.__dict__, "sql_hash": "another"}
        )
    with pytest.raises(ChurnError, match=f"refused: .*{why}") as refusal:
        entry.adopt(home, correction, (), None, project)
    assert refusal.value.exit_code == 3
    assert "corrections:" not in (project / "dbt_project.yml").read_text()
    entry.adopt(home, correction, (), "the vendor said so", project)
    (path,) = (home.corrections / "kkbox" / "decisions").glob("*.parquet")
    assert pq.read_table(path).to_pylist()[0]["accepted_because"] == "the vendor said so"


def test_many_hypotheses_make_each_harder_to_prove(home):
    known = corrections_of("kkbox")
    # one-sided p-value 0.016: enough alone, not among five
    weak = Gain(0.0017, 0.0002, 0.0032, 0.0008, 1000)
    judged = CorrectionGains(
        weak, {"2017-01-01": weak}, weak, NOTHING, NOTHING, weak, NOTHING, NOTHING
    )
    (alone,) = ledger.keep_tests(home, "kkbox", [TestedCorrection(known[NAME], 5, 3, judged, 3)])
    assert alone.verdict == "gains"
    found = [TestedCorrection(correction, 5, 3, judged, 3) for correction in known.values()]
    verdicts = {entry.verdict for entry in ledger.keep_tests(home, "kkbox", found)}
    assert verdicts == {"no gain beyond noise"}


def test_a_correction_that_is_not_there_is_named_with_those_that_are():
    check_corrections("kkbox", [NAME, OTHER])
    with pytest.raises(ChurnError, match="no correction 'periods_typo'") as refusal:
        check_corrections("kkbox", [NAME, "periods_typo"])
    assert OTHER in str(refusal.value.hint)
