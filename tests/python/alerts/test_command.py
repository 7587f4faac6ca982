"""`churn alerts` lists what is open, and tries the targets."""

import json
from datetime import datetime

from pipeline.alerts.book import as_alert, keep
from pipeline.alerts.trouble import Trouble

NOW = datetime(2026, 5, 31, 3, 30)


def test_it_lists_what_is_open_for_people_and_programs_and_tries_targets(home, run_churn):
    assert run_churn(home.root, "alerts").stdout == "No alert is open.\n"
    done = run_churn(home.root, "alerts", "--test")
    assert done.returncode == 1 and "No target is set up." in done.stderr
    open_ = as_alert(Trouble("ecommerce", "volume", "events", "events lacks [rows]."), NOW)
    over = as_alert(Trouble("kkbox", "drift", "score", "The mean score has moved."), NOW)
    keep(home, [open_, over], [], [], [], NOW)
    keep(home, [], [over], [], [], NOW)
    targets = {
        "log": {"kind": "file", "path": "alerts.jsonl"},
        "team": {"kind": "slack"},
    }
    document = {"viewer": "https://churn.example.com/", "targets": targets}
    (home.root / "targets.json").write_text(json.dumps(document))
    shown = run_churn(home.root, "alerts").stdout
    assert "events lacks [rows]." in " ".join(shown.split()) and "2026-05-31 03:30" in shown
    assert "mean score" not in shown
    (listed,) = json.loads(run_churn(home.root, "alerts", "--json").stdout)
    assert listed["page"] == "https://churn.example.com/nights?business=Online+shop"
    assert (listed["kind"], listed["since"]) == ("volume", "2026-05-31T03:30:00Z")
    done = run_churn(home.root, "alerts", "--test")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "log: reached",
        "team: The target team needs CHURN_TARGET_TEAM_URL.",
    ]
    assert json.loads((home.root / "alerts.jsonl").read_text())["type"] == "test"
