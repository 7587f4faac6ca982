"""The notebooks run on whatever is there, and say nothing that they did not compute."""

import ast
import json
import re
import subprocess
import sys

import duckdb
import numpy as np
import pytest

from pipeline.corrections import ledger
from pipeline.docs.notebooks import FOLDER, notebook_paths, run_notebook
from pipeline.exploration import Exploration, rate_with_interval
from pipeline.exploration.preceding import _auc
from pipeline.ingest import ingest
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home

NOTEBOOKS = [path.stem for path in notebook_paths()]


def cells(name, kind):
    notebook = json.loads((FOLDER / f"{name}.ipynb").read_text())
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def words(notebook):
    return " ".join(
        output["data"]["text/markdown"]
        for output in outputs(notebook)
        if "text/markdown" in output.get("data", {})
    )


def pictures(notebook):
    return [output for output in outputs(notebook) if "image/png" in output.get("data", {})]


def tables(notebook):
    return " ".join(
        re.sub(r"<style.*?</style>|<[^>]+>", " ", output["data"]["text/html"], flags=re.DOTALL)
        for output in outputs(notebook)
        if "text/html" in output.get("data", {})
    )


# pictures that a notebook has on a demo as it is made; a domain's own has eight or more
PICTURES = {"labels": 2, "corrections": 2}


def test_there_is_one_a_domain_one_on_labels_and_one_on_corrections():
    assert sorted([*domain_entries(), "corrections", "labels"]) == NOTEBOOKS


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_are_stored_without_outputs(name):
    notebook = json.loads((FOLDER / f"{name}.ipynb").read_text())
    for cell in notebook["cells"]:
        assert not cell.get("outputs"), cell["id"]
        assert cell.get("execution_count") is None, cell["id"]
        assert set(cell["metadata"]) <= {"tags"}, cell["id"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_title_holds_a_number_that_is_not_computed(name):
    """The literal parts of a title hold no figure; figures come from what stands in braces."""
    setters = {"set_title", "suptitle", "say"}
    seen = 0
    for source in cells(name, "code"):
        for call in ast.walk(ast.parse(source)):
            if not isinstance(call, ast.Call) or not call.args:
                continue
            called = getattr(call.func, "attr", getattr(call.func, "id", ""))
            if called not in setters:
                continue
            seen += 1
            for part in ast.walk(call.args[0]):
                if isinstance(part, ast.FormattedValue):
                    part.format_spec = None
            for part in literal_parts(call.args[0]):
                # rules of the notebook itself, not figures of the data
                said = re.sub(r"at least 1 %|after 30 days|30 transactions or more", "", part)
                assert not re.search(r"\d", said), part
    assert seen >= 5


def literal_parts(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            yield from literal_parts(part)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_pictures_of_what_precedes_churn_claim_no_cause(name):
    text = "\n".join(cells(name, "code"))
    assert ("what precedes" in " ".join(cells(name, "markdown")).lower()) <= ("caption(" in text)
    for source in cells(name, "code"):
        if "strongest(" in source or "weeks_before" in source:
            assert "caption(figure)" in source or "not proven causes" in source


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_run_on_the_demo(demo, name):
    home, _ = demo
    notebook = run_notebook(FOLDER / f"{name}.ipynb", home)
    assert len(pictures(notebook)) >= PICTURES.get(name, 8)
    assert "made-up" in words(notebook)
    assert "No cohort is closed" not in words(notebook)
    for output in outputs(notebook):
        assert output.output_type != "error"
        if output.output_type == "stream":
            pytest.fail(f"{name} prints: {output.text[:400]}")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_run_where_nothing_is(home, name):
    notebook = run_notebook(FOLDER / f"{name}.ipynb", home)
    assert pictures(notebook) == []
    assert re.search("There are no|no files", words(notebook))
    assert not home.root.exists()


def test_what_was_found_of_corrections_is_drawn_with_its_rivals(home):
    found = {"periods_expiries_restated": "gains", "periods_zero_payments_priced": "loses"}
    for name, verdict in found.items():
        row = dict.fromkeys(ledger._TEST.names) | {
            "domain": "kkbox",
            "name": name,
            "rows_touched": 1234,
            "verdict": verdict,
        }
        for part in ("", "flag_", "placebo_"):
            value = 0.005 if verdict == "gains" and part == "" else -0.001
            row |= {f"{part}ci_low": value - 0.001, f"{part}ci_high": value + 0.001}
            row["gain" if part == "" else f"{part}gain"] = value
        ledger._write(home.corrections / "kkbox" / "tests" / f"{name}.parquet", row)
    ledger.keep_decision(home, "kkbox", "periods_expiries_restated", "adopted", None)
    notebook = run_notebook(FOLDER / "corrections.ipynb", home)
    assert len(pictures(notebook)) == 1
    assert "1 of 2 corrections gain beyond noise" in words(notebook)
    shown = " ".join(tables(notebook).split())
    assert "periods_expiries_restated gains 1,234" in shown
    assert "+0.00500" in shown
    assert "periods_expiries_restated adopted gains" in shown


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_run_on_real_files_without_a_closed_cohort(real_home, name):
    notebook = run_notebook(FOLDER / f"{name}.ipynb", real_home)
    assert "files that were given" in words(notebook) or name == "ecommerce"
    if name == "kkbox":
        assert "No cohort is closed yet" in words(notebook)
        assert "Not there: user_logs, train." in words(notebook)
        shown = " ".join(tables(notebook).split())
        # as counted with other tools: 55 of 1,169 without a profile left, 847 of 8,755 with one
        assert "no profile 1,169 55 4.70%" in shown
        assert "profile 8,755 847 9.67%" in shown


@pytest.fixture(scope="session")
def real_home(shared_data, shared_folder, run_churn):
    home = Home(shared_folder / "real")
    if not home.warehouse.exists():
        done = run_churn(
            home.root, "run", "--domain", "kkbox", "--raw", shared_data / "kkbox_sample"
        )
        assert done.returncode == 3, done.stdout + done.stderr
    return home


def test_a_notebook_that_stops_tells_where(tmp_path, home):
    path = tmp_path / "broken.ipynb"
    notebook = json.loads((FOLDER / "labels.ipynb").read_text())
    notebook["cells"] = [
        {
            "cell_type": "code",
            "id": "one",
            "metadata": {},
            "source": ["1 / 0"],
            "outputs": [],
            "execution_count": None,
        }
    ]
    path.write_text(json.dumps(notebook))
    with pytest.raises(ChurnError, match="ZeroDivisionError"):
        run_notebook(path, home)


def test_a_lake_alone_is_enough(home, raw_dir, console):
    (raw_dir / "transactions.csv").write_text(
        "msno,payment_method_id,payment_plan_days,plan_list_price,actual_amount_paid,is_auto_renew,"
        "transaction_date,membership_expire_date,is_cancel\n"
        "a/+=,41,30,149,149,1,20170101,20170131,0\n"
        "b,41,0,149,0,0,20170105,20150101,1\n"
    )
    ingest("kkbox", raw_dir, home, console=console)
    data = Exploration("kkbox", home)
    assert data.newest_closed is None
    assert data.has("lake.kkbox_transactions")
    assert not data.has("lake.kkbox_user_logs")
    assert not data.has("kkbox.kkbox__churn_examples")
    row = data.coverage().set_index("table").loc["transactions"]
    assert (row.files, row.rows, row.customers) == (1, 2, 2)
    assert str(row["last day"].date()) == "2017-01-05"


def test_the_warehouse_is_open_during_a_query_only(demo_copy):
    data = Exploration("kkbox", demo_copy)
    assert data.newest_closed is not None
    duckdb.connect(str(demo_copy.warehouse)).close()  # a writer


def test_a_warehouse_in_use_is_told(demo_copy):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb; held = duckdb.connect({str(demo_copy.warehouse)!r});"
            "print(1, flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        holder.stdout.readline()
        with pytest.raises(ChurnError, match="is writing the warehouse"):
            Exploration("kkbox", demo_copy).sql("select 1")
    finally:
        holder.stdin.close()
        holder.wait()


def test_intervals_are_wilsons():
    found = rate_with_interval([0, 5, 10], [10, 10, 10])
    assert found.low.tolist() == pytest.approx([0, 0.2366, 0.7225], abs=1e-4)
    assert found.high.tolist() == pytest.approx([0.2775, 0.7634, 1], abs=1e-4)
    assert rate_with_interval([0], [0]).rate.isna().all()


def test_the_auc_of_a_feature_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(1)
    left = generator.random(500) < 0.3
    values = np.round(generator.normal(size=500) + left, 1)
    assert _auc(values, left) == pytest.approx(roc_auc_score(left, values))
    values[:150] = np.nan
    assert _auc(values, left) == pytest.approx(roc_auc_score(left[150:], values[150:]))
    assert _auc(np.ones(500), left) is None
