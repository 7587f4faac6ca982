"""`churn tune`: searches parameters inside the training window and saves them for later runs."""

import json
import math
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from ml.cohorts import (
    RefusedError,
    choose_fits,
    known_by,
    periods,
    read_cohorts,
    with_history,
)
from ml.mart import read_scoring_cut_off, read_usable, sample_of
from ml.tune import Tuned
from ml.tune import tune as search
from pipeline.project.duck import open_beside_learning
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED
from pipeline.project.memory import learning_budget
from pipeline.project.sums import replaced_with_sum
from pipeline.project.terminal import progress_bar
from pipeline.runs.context import RunContext


def tune(context: RunContext, domain: str, trials: int) -> Tuned:
    """Search a domain's parameters and save the result as `models/<domain>/tuned.json`.

    Args:
        context: Context of the command; its warehouse is built.
        domain: Domain.
        trials: Number of trials.

    Raises:
        ChurnError: There is too little data before the validation cut-off.
    """
    settings = context.entries[domain]
    with open_beside_learning(context.home) as connection:
        try:
            cohorts = read_cohorts(connection, domain)
            fits = choose_fits(cohorts, read_scoring_cut_off(connection, domain), settings)
            budget = learning_budget(settings.training_memory_gb)
            sample = sample_of(connection, domain, fits, budget)
            everything, usable, _ = read_usable(connection, domain, fits, settings, sample)
            grid = with_history(cohorts, settings)
            learned = [
                [cohort.as_of_date for cohort in period]
                for period in periods(grid, settings)
                if all(cohort.as_of_date in fits.fit for cohort in period)
            ]
            with progress_bar(context.console) as progress:
                task = progress.add_task(f"{domain}: tuning", total=trials)
                found = search(
                    everything.keep(usable),
                    fits,
                    {first: [c.as_of_date for c in known_by(grid, first)] for first, *_ in learned},
                    trials,
                    lambda done, best: progress.update(
                        task, completed=done, description=f"{domain}: best log loss {best:.4f}"
                    ),
                    later={first: rest for first, *rest in learned},
                )
        except RefusedError as refusal:
            raise ChurnError(
                f"Tuning {domain} is refused: {refusal}.",
                hint="The default parameters stay in use.",
                exit_code=REFUSED,
            ) from refusal
    _keep(context.home.models / domain / "tuned.json", found)
    return found


def _keep(path: Path, found: Tuned) -> None:
    document = asdict(found) | {"tuned_at": datetime.now(UTC).isoformat(timespec="seconds")}
    for trial in document["trials"]:
        if math.isnan(trial["log_loss"]):  # stopped early; JSON has no NaN
            trial["log_loss"] = None
    with replaced_with_sum(path) as part:
        part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
