"""`churn domain new`: creates a domain as a copy of an existing one."""

import re
from pathlib import Path

from pipeline.project.domain_names import check_domain_name
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT

_ENTRY = re.compile(r"^    (\w+):\n(?:(?: {5,}.*| *#.*)?\n)*", re.MULTILINE)


def new_domain(name: str, like: str, project: Path = PROJECT) -> list[Path]:
    """Write a domain's folder under models/ and its entry in dbt_project.yml.

    Models, sources, lookups (without their rows) and macros of the existing domain are copied and
    renamed, ready to edit.

    Args:
        name: The new domain: lower-case letters and digits.
        like: The domain to copy from.
        project: The project's folder.

    Returns:
        Paths of the written files, relative to the project.

    Raises:
        ChurnError: The name cannot be used, or there is no domain to copy from.
    """
    settings = project / "dbt_project.yml"
    entries = {found[1]: found[0] for found in _entries(settings.read_text())}
    check_domain_name(name)
    if like not in entries:
        raise ChurnError(f"There is no domain {like!r}.", hint=f"Choose {' or '.join(entries)}.")
    if name in entries or (project / "models" / name).exists():
        raise ChurnError(
            f"The name {name!r} is already taken.",
            where=str(project / "models" / name),
            hint="Choose another name, or edit the existing domain.",
        )
    sources = [
        *sorted((project / "models" / like).rglob("*.*")),
        *sorted((project / "macros").rglob(f"{like}_*.sql")),
        *sorted((project / "seeds").glob(f"{like}_*.csv")),
    ]
    written = []
    for source in sources:
        target = project / _renamed(str(source.relative_to(project)), like, name)
        text = _renamed(source.read_text(encoding="utf-8"), like, name)
        if source.suffix == ".csv":  # the other domain's rows do not apply here
            text = text.partition("\n")[0] + "\n"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        written.append(target.relative_to(project))
    entry = re.sub(r"(?m)^      title: .*$", f"      title: {name.capitalize()}", entries[like])
    _add_entry(settings, _renamed(entry, like, name))
    return [*written, settings.relative_to(project)]


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
