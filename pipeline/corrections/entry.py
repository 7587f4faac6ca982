"""Adopts and drops corrections: the key `corrections` of a domain's entry in dbt_project.yml.

Only that line of the file is written, so comments and layout stay.
"""

import re
from pathlib import Path

from pipeline.corrections import ledger
from pipeline.corrections.catalogue import Correction
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED
from pipeline.project.files import replaced
from pipeline.project.home import PROJECT, Home

_LINE = re.compile(r"^      corrections:.*\n(?:       +.*\n)*", re.MULTILINE)


def adopt(
    home: Home,
    correction: Correction,
    adopted: tuple[str, ...],
    accept: str | None,
    project: Path = PROJECT,
) -> None:
    """Adopt a correction whose last test has proven its gain; keep the decision.

    Args:
        home: CHURN_HOME.
        correction: The correction.
        adopted: Those that the domain's entry has.
        accept: Why it is adopted without a proven gain; None to refuse it then.
        project: The project's folder.

    Raises:
        ChurnError: It is adopted already, or its gain is not proven; exit code 3.
    """
    name, domain = correction.name, correction.domain
    if name in adopted:
        raise ChurnError(f"{name} is adopted already.", hint="Nothing has to be done.")
    test = ledger.latest(home, domain).get(name)
    because = None
    if test is None:
        because = "it was never tested"
    elif test["sql_hash"] != correction.sql_hash:
        because = "its SQL has changed since it was tested"
    elif test["verdict"] != "gains":
        because = f"its verdict is: {test['verdict']}"
    if because is not None and accept is None:
        raise ChurnError(
            f"Adopting {name} is refused: {because}.",
            hint=f"Test it: churn corrections test {name} --domain {domain}. To adopt it "
            'all the same: --accept "REASON", which is kept on record.',
            exit_code=REFUSED,
        )
    _write(project, domain, (*adopted, name))
    ledger.keep_decision(home, domain, name, "adopted", accept if because else None)


def drop(
    home: Home, correction: Correction, adopted: tuple[str, ...], project: Path = PROJECT
) -> None:
    """Drop an adopted correction; keep the decision.

    Raises:
        ChurnError: It is not adopted.
    """
    name = correction.name
    if name not in adopted:
        raise ChurnError(f"{name} is not adopted.", hint="Nothing has to be done.")
    _write(project, correction.domain, tuple(other for other in adopted if other != name))
    ledger.keep_decision(home, correction.domain, name, "dropped", None)


def _write(project: Path, domain: str, names: tuple[str, ...]) -> None:
    """Write the key `corrections` of an entry; without names, take it out."""
    path = project / "dbt_project.yml"
    text = path.read_text()
    found = re.search(rf"^    {domain}:\n(?:(?: {{5,}}.*| *#.*)?\n)*", text, re.MULTILINE)
    if found is None:
        raise ChurnError(
            f"dbt_project.yml has no entry of {domain} with the usual indentation.",
            where=f"{path}, vars.churn_domains",
            hint=f"Write it by hand: corrections: [{', '.join(names)}]",
        )
    entry = found[0]
    line = f"      corrections: [{', '.join(names)}]\n" if names else ""
    if _LINE.search(entry):
        entry = _LINE.sub(line, entry, count=1)
    else:
        head, _, rest = entry.partition("\n")
        first, _, others = rest.partition("\n")
        entry = f"{head}\n{first}\n{line}{others}"
    with replaced(path) as part:
        part.write_text(text[: found.start()] + entry + text[found.end() :])
