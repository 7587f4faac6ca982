"""Creates a domain of a kind: its sources, its mapping and its entry; copied, or as it is given.

What is true of every domain of the kind is in the kind's folder and is not copied.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from pipeline.project.domain_names import check_domain_name
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT

_ENTRY = re.compile(r"^    (\w+):\n(?:(?: {5,}.*| *#.*)?\n)*", re.MULTILINE)
_SOURCE = re.compile(r"source\('\w+', '(\w+)'\)|event_days\('\w+', \[([^\]]*)\]")
_REF = re.compile(r"ref\('(\w+)'\)")
# Keys that name what only the domain to copy from has.
_OWN_KEYS = (
    "identities",
    "extensions",
    "corrections",
    "words",
    "protocols",
    "crm_fields",
    "alerts",
    "connection",
)

_MARTS = {
    "marts/int_{name}__features_joined.sql": """\
{{{{ config(materialized='table') }}}}
-- One row per customer and cut-off that this build makes: every feature. Nothing about outcomes is
-- upstream of this model, which is what real time, the time-travel proof and the mart all run.
{{{{ features_of('{name}') }}}}
""",
    "marts/{name}__churn_examples.sql": """\
{{{{ config(materialized='table') }}}}
-- One row per customer and cut-off: the contract that ml reads.
{{{{ churn_examples('{name}') }}}}
""",
    "marts/{name}__labels.sql": """\
{{{{ config(materialized='table') }}}}
-- One row per label definition, customer and cut-off. A frozen cohort is read from its file and
-- never computed again; the others are as the raw data have them today.
{{{{ labels_kept('{name}') }}}}
""",
    "marts/{name}__label_cohorts.sql": """\
{{{{ config(materialized='table') }}}}
-- One row per label definition and cut-off: size, churners, when the cohort closes, whether it is
-- frozen, and a checksum that adds up over rows and cohorts.
{{{{ label_cohorts_counted('{name}') }}}}
""",
    "serving/bi_{name}_customers.sql": """\
-- One row per customer of the scored cohort: the described features behind the score.
{{{{ customers_of_live_run('{name}') }}}}
""",
}
# Who reads the domain's own table, at the end of its sources: a file less.
_READERS = """
exposures:
  - name: {name}_customers_in_tableau
    label: {title}
    type: dashboard
    maturity: high
    owner: {{name: BI}}
    description: The features behind the scores, in the extract of `churn export tableau`.
    depends_on:
      - ref('bi_{name}_customers')
"""
# The marts in the YAML of the kind, with the columns and the words that all domains share.
_WORDS = """\
  - name: int_{name}__features_joined
    description: *joined
    data_tests:
      - is_unique_by: {{arguments: {{columns: [customer_id, as_of_date]}}}}

  - name: {name}__churn_examples
    description: *examples
    config: *contract
    data_tests:
      - is_unique_by: {{arguments: {{columns: [customer_id, as_of_date]}}}}
      - is_churn_contract
      - has_rows_for_each_cut_off: {{arguments: {{domain: {name}}}}}
      - knows_nothing_of_the_cut_off_itself: {{arguments: {{domain: {name}}}}}
    columns: *columns

  - name: bi_{name}_customers
    description: *scored
    config: *published
    data_tests:
      - is_unique_by: {{arguments: {{columns: [customer_id]}}}}
    columns: *columns

  - name: {name}__labels
    description: *labels
    data_tests:
      - is_unique_by: {{arguments: {{columns: [label_definition, customer_id, as_of_date]}}}}
      - is_label_known_with_its_cohort: {{arguments: {{domain: {name}}}}}
    columns: *label_columns

  - name: {name}__label_cohorts
    description: *cohorts
    data_tests:
      - is_unique_by: {{arguments: {{columns: [label_definition, as_of_date]}}}}
    columns: *cohort_columns
"""


def new_domain(name: str, like: str, project: Path = PROJECT) -> list[Path]:
    """Write a domain's folder under models/, its entry in dbt_project.yml and its words.

    Sources and mapping are copied from an existing domain of the same kind and renamed, ready to
    edit; its extensions, and the tables that only they read, are not.

    Args:
        name: The new domain: lower-case letters and digits.
        like: The domain to copy from.
        project: The project's folder.

    Returns:
        Paths of the written files, relative to the project.

    Raises:
        ChurnError: The name cannot be used, or there is no domain to copy from.
    """
    entries = {found[1]: found[0] for found in _entries(_settings(project).read_text())}
    check_domain_name(name)
    if like not in entries:
        raise ChurnError(f"There is no domain {like!r}.", hint=f"Choose {' or '.join(entries)}.")
    check_free(name, project)
    kind = yaml.safe_load(entries[like])[like]["kind"]
    entry = _own_entry(entries[like], project / "models" / like / "staging", name, like)
    texts = _mapping(
        project / "models" / like, yaml.safe_load(entry)[name]["staged"].values(), name, like
    )
    return write_domain(name, kind, texts, entry, project)


def check_free(name: str, project: Path = PROJECT) -> None:
    """Refuse the name of a domain that cannot be used or is taken.

    Raises:
        ChurnError: With the reason.
    """
    check_domain_name(name)
    folder = project / "models" / name
    if folder.exists() or name in {found[1] for found in _entries(_settings(project).read_text())}:
        raise ChurnError(
            f"The name {name!r} is already taken.",
            where=str(folder),
            hint="Choose another name, or edit the existing domain.",
        )


def write_domain(
    name: str, kind: str, texts: Mapping[str, str], entry: str, project: Path = PROJECT
) -> list[Path]:
    """Write a domain's folder, its words in the YAML of its kind, and its entry.

    Args:
        name: The new domain.
        kind: Its kind.
        texts: Texts of its sources and staging by their path in its folder.
        entry: Its entry of dbt_project.yml, indented as there.
        project: The project's folder.

    Returns:
        Paths of the written files, relative to the project; the last two had been there.
    """
    folder = project / "models" / name
    marts = {path.format(name=name): text.format(name=name) for path, text in _MARTS.items()}
    sources = f"_{name}__sources.yml"
    title = yaml.safe_load(entry)[name]["title"]
    readers = _READERS.format(name=name, title=json.dumps(title, ensure_ascii=False))
    written = []
    for path, text in {**texts, sources: texts[sources] + readers, **marts}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
        written.append((folder / path).relative_to(project))
    words = project / "models" / kind / "marts" / f"_{kind}__marts.yml"
    words.write_text(words.read_text().rstrip("\n") + "\n\n" + _WORDS.format(name=name))
    _add_entry(_settings(project), entry)
    return [*written, words.relative_to(project), _settings(project).relative_to(project)]


def _settings(project: Path) -> Path:
    return project / "dbt_project.yml"


def _mapping(folder: Path, staged: Iterable[str], name: str, like: str) -> dict[str, str]:
    """The texts of sources and staging by their path in the new domain's folder."""
    models: dict[str, str] = {}
    todo = [_renamed(model, name, like) for model in staged]
    todo.append(f"stg_{like}__event_days")
    while todo:
        model = todo.pop(0)
        path = folder / "staging" / f"{model}.sql"
        if model not in models and path.exists():
            models[model] = path.read_text(encoding="utf-8")
            todo += _REF.findall(models[model])
    tables = {"frozen_labels"}
    for text in models.values():
        for table, listed in _SOURCE.findall(text):
            tables |= {table} if table else set(re.findall(r"\w+", listed))
    sources = (folder / f"_{like}__sources.yml").read_text(encoding="utf-8")
    # who reads the domain's own table is written again
    sources = sources.partition("\nexposures:\n")[0]
    texts = {f"_{like}__sources.yml": _items(sources, 6, tables)}
    # a domain may describe its staging beside its sources
    described = folder / "staging" / f"_{like}__staging.yml"
    if described.exists():
        text = _items(described.read_text(encoding="utf-8"), 2, set(models))
        texts[f"staging/_{like}__staging.yml"] = text
    texts |= {f"staging/{model}.sql": text for model, text in models.items()}
    return {_renamed(path, like, name): _renamed(text, like, name) for path, text in texts.items()}


def _items(text: str, indent: int, names: set[str]) -> str:
    """A YAML file with only those items of its lists at an indent whose names are given."""
    item = re.compile(rf"^ {{{indent}}}- name: (\w+)\n(?: {{{indent + 1},}}.*\n|\n)*", re.MULTILINE)
    return item.sub(lambda found: found[0] if found[1] in names else "", text).rstrip("\n") + "\n"


def _own_entry(entry: str, staging: Path, name: str, like: str) -> str:
    """The entry under the new name, without what is only the other domain's."""
    own = yaml.safe_load(entry)[like]
    for key in (key for key in _OWN_KEYS if key in own):
        entry = _without(entry, key, 6)
    for shape, model in own["staged"].items():
        if not (staging / f"{model}.sql").exists():
            entry = _without(entry, shape, 8)
    for kinds, ours in own.get("words", {}).items():
        entry = re.sub(rf"(?<![a-z]){ours}(?=_)|(?<=_){ours}(?![a-z])", kinds, entry)
    # the kind has one rule of labels; the others were extensions
    entry = re.sub(r"(label_definition: \w+) +# .*", r"\1", entry)
    entry = re.sub(r"label_definition: \[.*?\], ", "", entry)
    return re.sub(
        r"(?m)^      title: .*$", f"      title: {name.capitalize()}", _renamed(entry, like, name)
    )


def _without(entry: str, key: str, indent: int) -> str:
    """An entry without a key, what is below it and the comment right above it."""
    pad = " " * indent
    block = rf"(?:^{pad}#.*\n)*^{pad}{key}:.*\n(?:^{pad} +.*\n)*"
    return re.sub(block, "", entry, count=1, flags=re.MULTILINE)


def _entries(text: str) -> list[tuple[str, str]]:
    """Return the text of each domain's entry by name, including comments."""
    start = text.index("  churn_domains:\n") + len("  churn_domains:\n")
    found, position = [], start
    while match := _ENTRY.match(text, position):
        found.append((match[0], match[1]))
        position = match.end()
    return found


def _add_entry(settings: Path, entry: str) -> None:
    text = settings.read_text()
    last = _entries(text)[-1][0]
    end = text.index(last) + len(last)
    settings.write_text(text[:end].rstrip("\n") + "\n" + entry.rstrip("\n") + "\n\n" + text[end:])


def _renamed(text: str, like: str, name: str) -> str:
    """Replace a domain's name by another, in any case."""
    return re.sub(
        like,
        lambda found: name if found[0].islower() else name.capitalize(),
        text,
        flags=re.IGNORECASE,
    )
