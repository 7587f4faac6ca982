"""`churn labels`: lists frozen labels, audits them against the raw data, and refreezes them."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.labels.freeze import CHECKSUM, FrozenCohort, freeze, withdraw
from pipeline.project.checked import read_checked
from pipeline.project.domains import domain_entries
from pipeline.project.duck import files_sql
from pipeline.project.errors import ChurnError
from pipeline.project.files import write_json
from pipeline.project.home import Home


@dataclass(frozen=True)
class Disagreement:
    """A frozen cohort that today's raw data, or its own registry entry, contradict.

    Attributes:
        domain: Domain.
        as_of_date: Cut-off of the cohort.
        label_definition: Definition of the cohort.
        rows: Labels that would differ: another outcome, or a customer on one side only.
        why: What contradicts the frozen labels.
        is_open: The raw data do not close the cohort today.
    """

    domain: str
    as_of_date: str
    label_definition: str
    rows: int
    why: str
    is_open: bool = False

    def __str__(self) -> str:
        return (
            f"{self.domain} {self.as_of_date}, {self.label_definition}: {self.rows:,} labels "
            f"would differ: {self.why}"
        )

    @property
    def hint(self) -> str:
        """The command that helps, if the raw data are right."""
        return (
            f"churn labels refreeze --domain {self.domain} --cut-off {self.as_of_date} "
            f"--definition {self.label_definition} --reason WHY"
        )


def entries(home: Home, domain: str) -> list[FrozenCohort]:
    """Return the registry entries of a domain, every version, oldest cohort first."""
    files = (home.labels / domain).glob("*/*.json")
    found = [read_checked(FrozenCohort, path) for path in files]
    return sorted(found, key=lambda e: (e.label_definition, e.as_of_date, e.label_version))


def check_files(home: Home, domain: str) -> None:
    """Check that every file of frozen labels is there, can be read and has the registered rows.

    One that was cut short would otherwise stop the build in the middle, with an engine's words.
    `audit` compares the checksums as well.

    Raises:
        ChurnError: A file is damaged or lost.
    """
    damaged, registered = [], {}
    for entry in entries(home, domain):
        name = f"{entry.as_of_date}.v{entry.label_version}"
        registered[entry.label_definition, name] = entry
        path = home.labels / domain / entry.label_definition / f"{name}.parquet"
        is_there = entry.is_written and not (entry.withdrawn_at or entry.pruned_at)
        if is_there and not path.exists():
            damaged.append(
                f"{path}: is gone; {entry.rows:,} labels with the checksum {entry.checksum} were "
                "registered"
            )
    with duckdb.connect() as connection:
        for path in sorted((home.labels / domain).glob("*/*.parquet")):
            known = registered.get((path.parent.name, path.stem))
            try:
                found = connection.execute(
                    "select num_rows from parquet_file_metadata(?)", [str(path)]
                ).fetchone()
                rows = found[0] if found else 0
            except duckdb.Error:
                rows = None
            if rows is None or (known and known.rows != rows):
                has = "cannot be read" if rows is None else f"has {rows:,} rows"
                wanted = (
                    f"{known.rows:,} labels with the checksum {known.checksum} were registered"
                    if known
                    else "it is not registered"
                )
                damaged.append(f"{path}: {has}; {wanted}")
    if damaged:
        raise ChurnError(
            f"{len(damaged)} files of frozen labels of {domain} are damaged or lost; its last "
            "published rows stay.",
            where="\n".join(damaged),
            hint="Restore them from a backup; the checksum tells the right one. Without a backup, "
            "delete the file, the .json beside it and their lines in SHA256SUMS: the next build "
            "freezes the cohort again from the raw data as they are by then.",
        )


def audit(home: Home, domain: str, rule_version: int) -> list[Disagreement]:
    """Compare the frozen labels in use with what the raw data give today.

    Cohorts of definitions that the last build did not derive (other parameters) cannot be compared
    with raw data; only their files are compared with the registry.

    Args:
        home: CHURN_HOME after a build.
        domain: Domain.
        rule_version: Version of the label rules, from the domain's entry.
    """
    if not has_labels(home, domain):
        return []
    newest = {
        (e.label_definition, e.as_of_date): e
        for e in entries(home, domain)
        if e.withdrawn_at is None
    }
    files = files_sql(sorted((home.labels / domain).glob("*/*.parquet")))
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        connection.execute(
            "create temp view frozen as select * from read_parquet("
            f"[{files}], union_by_name = true) "
            "qualify label_version = "
            "max(label_version) over (partition by label_definition, as_of_date)"
        )
        found = [
            Disagreement(domain, day, definition, rows, "today's raw data give other outcomes")
            for definition, day, rows in connection.execute(
                _CHANGED.format(domain=domain, closed=_closed(domain))
            ).fetchall()
        ]
        found += [
            Disagreement(domain, day, definition, rows, why, is_open=True)
            for definition, day, rows, why in connection.execute(
                _UNSUPPORTED.format(domain=domain)
            ).fetchall()
        ]
        in_use = connection.execute(
            "select label_definition, cast(as_of_date as varchar), count(*), "
            f"cast({CHECKSUM} as varchar) from frozen group by all"
        ).fetchall()
    for definition, day, rows, checksum in in_use:
        entry = newest.get((definition, day))
        if entry is None or entry.checksum != checksum:
            why = "the file is not the registered one"
            found.append(Disagreement(domain, day, definition, rows, why))
        elif entry.rule_version != rule_version:
            then = entry.rule_version
            why = f"frozen by version {then} of the rule, which is now version {rule_version}"
            found.append(Disagreement(domain, day, definition, 0, why))
    return sorted(found, key=lambda d: (d.label_definition, d.as_of_date))


def _closed(domain: str) -> str:
    """The relation of labels as today's raw data have them, of every domain of the kind."""
    kind = domain_entries()[domain].kind
    return f"{kind}.int_{kind}__labels_closed"


# A cohort can be compared if it is closed in today's raw data.
_CHANGED = """
with

derived as (
    select * from {closed}
    where
        domain = '{domain}'
        and is_churned is not null
),

comparable as (
    select label_definition, as_of_date from derived
    intersect
    select label_definition, as_of_date from frozen
),

paired as (
    select
        label_definition,
        as_of_date,
        frozen.is_churned is distinct from derived.is_churned as is_changed
    from frozen
    full join derived using (label_definition, as_of_date, customer_id)
    inner join comparable using (label_definition, as_of_date)
)

select
    label_definition,
    cast(as_of_date as varchar),
    count(*)
from paired
where is_changed
group by all
order by all
"""


# Frozen, and not closed today: the outcomes lie beyond what is known, or days are missing.
_UNSUPPORTED = """
with

frozen_cohorts as (
    select label_definition, as_of_date, max(label_known_on) as closes_on, count(*) as label_rows
    from frozen
    where label_definition != 'supplied'
    group by all
),

judged as (
    select
        frozen_cohorts.label_definition,
        frozen_cohorts.as_of_date,
        frozen_cohorts.label_rows,
        max(knowledge.known_before) as known_before,
        max(frozen_cohorts.closes_on) > max(knowledge.known_before) as is_beyond,
        min(holes.day) as first_hole
    from frozen_cohorts
    cross join (
        select known_before from control.control__knowledge where domain = '{domain}'
    ) as knowledge
    left join (
        select * from control.control__outcome_holes where domain = '{domain}'
    ) as holes
        on
            (
                frozen_cohorts.as_of_date <= holes.day
                and frozen_cohorts.closes_on > holes.day
            )
            or (
                frozen_cohorts.as_of_date >= holes.unsure_from
                and frozen_cohorts.as_of_date < holes.unsure_before
            )
    group by all
)

select
    label_definition,
    cast(as_of_date as varchar),
    label_rows,
    case
        when is_beyond then 'outcomes are known only before ' || cast(known_before as varchar)
        else 'rows are missing from ' || cast(first_hole as varchar) || ' on, without a reason'
    end
from judged
where is_beyond or first_hole is not null
order by all
"""


def keep_audit(home: Home, domain: str, found: list[Disagreement]) -> None:
    """Record the last audit of a domain beside its labels."""
    path = home.labels / domain / "_audit.json"
    if found or path.exists():
        write_json(path, [vars(d) for d in found])


def refreeze(
    home: Home,
    domain: str,
    *,
    cut_off: str | None,
    definition: str | None,
    reason: str,
    rule_version: int,
) -> list[FrozenCohort]:
    """Freeze cohorts that disagree with today's raw data again, as a new version.

    Labels of cohorts that the raw data do not close are withdrawn instead.

    Args:
        home: CHURN_HOME after a build.
        domain: Domain.
        cut_off: Only this cohort.
        definition: Only this definition.
        reason: Reason, stored with the labels.
        rule_version: Version of the label rules, from the domain's entry.

    Returns:
        The registry entries written, those of withdrawn cohorts included; older versions stay.

    Raises:
        ChurnError: No cohort asked for disagrees with the raw data.
    """
    chosen = [
        d
        for d in audit(home, domain, rule_version)
        if cut_off in (None, d.as_of_date) and definition in (None, d.label_definition)
    ]
    if not chosen:
        raise ChurnError(
            "Nothing to refreeze: these frozen labels agree with the raw data.",
            hint=f"List those that disagree: churn labels audit --domain {domain}",
        )
    is_open = {(d.label_definition, d.as_of_date) for d in chosen if d.is_open}
    cohorts = {(d.label_definition, d.as_of_date) for d in chosen} - is_open
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        written = freeze(
            connection,
            home,
            domain,
            rule_version,
            source=f"(select * exclude (domain) from {_closed(domain)} where domain = '{domain}')",
            cohorts=sorted(cohorts),
            reason=reason,
        )
    return written + [withdraw(home, domain, *cohort, reason) for cohort in sorted(is_open)]


def has_labels(home: Home, domain: str) -> bool:
    """Whether a domain has frozen labels."""
    return any(Path(home.labels / domain).glob("*/*.parquet"))
