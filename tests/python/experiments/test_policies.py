"""A policy from files: learned, kept, applied to others, and refused in words."""

import csv

import numpy as np
import pytest
from made_experiments import hillstrom_files, write_csv
from made_trials import made_trial

from ml.policy.worth import ContactPrices
from pipeline.experiments.policies import choose_for_file, learn_from_files
from pipeline.project.errors import ChurnError


def trial_files(folder, customers=6000, seed=1):
    trial, _ = made_trial(customers, seed, differ=True)
    ids = [f"c{number:05d}" for number in range(customers)]
    rng = np.random.default_rng(1)
    order = rng.permutation(customers)

    def write(name, header, rows):
        return write_csv(folder / name, header, [rows[i] for i in order])

    arms = [trial.arms[arm] for arm in trial.arm]
    return (
        write("a.csv", ("customer_id", "arm"), list(zip(ids, arms, strict=True))),
        write(
            "o.csv",
            ("customer_id", "outcome"),
            [(one, int(had)) for one, had in zip(ids, trial.outcome, strict=True)],
        ),
        write(
            "f.csv",
            ("customer_id", *trial.features),
            [(one, *values) for one, values in zip(ids, trial.values.tolist(), strict=True)],
        ),
    )


def test_the_commands_learn_and_choose(tmp_path, home, run_churn):
    files = trial_files(tmp_path)
    arguments = [
        *("--assignments", files[0], "--outcomes", files[1], "--features", files[2]),
        *("--contact-cost", 0.15, "--sale-value", 10, "--policy"),
    ]
    policies = [tmp_path / "one.json", tmp_path / "two.json"]
    for policy in policies:
        done = run_churn(home.root, "campaign", "learn", *arguments, policy)
        assert done.returncode == 0, done.stderr
    assert policies[0].read_bytes() == policies[1].read_bytes()
    assert "nobody" in done.stdout
    assert "mail for everybody" in done.stdout
    out = tmp_path / "chosen.csv"
    done = run_churn(
        *(home.root, "campaign", "choose", "--policy", policies[0]),
        *("--features", files[2], "--out", out),
    )
    assert done.returncode == 0, done.stderr
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6000
    assert list(rows[0]) == ["customer_id", "arm"]
    assert {row["arm"] for row in rows} <= {"control", "mail"}


def test_the_words_of_a_trial_without_differences(tmp_path, home, run_churn, shared_data):
    assigned, had, features = hillstrom_files(shared_data, tmp_path, "visit")
    done = run_churn(
        *(home.root, "campaign", "learn", "--assignments", assigned, "--outcomes", had),
        *("--features", features, "--control", "No E-Mail", "--contact-cost", 0),
        *("--sale-value", 1, "--policy", tmp_path / "p.json"),
    )
    assert done.returncode == 0, done.stderr
    assert "No difference between customers was found" in done.stdout
    assert "The policy is Mens E-Mail for everybody" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("c00001,3,abc,1,1,1,1", "level: the value is 'abc'"),
        ("c00002,3,1,1,1,1,1", "more than once"),
    ],
)
def test_wrong_features_are_named(tmp_path, change, said):
    assigned, had, features = trial_files(tmp_path, 3000)
    lines = features.read_text().splitlines()
    kept = [line for line in lines if not line.startswith("c00001")]
    features.write_text("\n".join([*kept, change]) + "\n")
    with pytest.raises(ChurnError) as error:
        learn_from_files(
            assigned, had, features, "control", ContactPrices(0.15, 10), tmp_path / "policy.json"
        )
    assert said in str(error.value)
    assert not (tmp_path / "policy.json").exists()


def test_customers_without_features_and_arms_without_outcomes_are_named(tmp_path):
    assigned, had, features = trial_files(tmp_path, 3000)
    lines = features.read_text().splitlines()
    short = tmp_path / "short.csv"
    short.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(ChurnError, match="1 customer is assigned and without features") as error:
        learn_from_files(assigned, had, short, "control", ContactPrices(1, 1), tmp_path / "p.json")
    assert lines[-1].partition(",")[0] in str(error.value)
    assigned, had, features = trial_files(tmp_path, 300)
    with pytest.raises(ChurnError, match="too few outcomes to learn from"):
        learn_from_files(
            assigned, had, features, "control", ContactPrices(1, 1), tmp_path / "p.json"
        )


def test_a_policy_that_is_not_one_is_refused(tmp_path):
    features = write_csv(tmp_path / "f.csv", ("customer_id", "x"), [("a", 1)])
    with pytest.raises(ChurnError, match="no such policy"):
        choose_for_file(tmp_path / "none.json", features, tmp_path / "out.csv")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ChurnError):
        choose_for_file(tmp_path / "bad.json", features, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
