"""Lint the SQL inside macros, which sqlfluff's dbt templater skips; run by `make lint`.

A macro's file renders to nothing until something calls it. So each body is linted where it stands:
the macro's two tags are replaced by what makes the body a statement, every argument and every call
by an identifier of its name, and the rules are those of `.sqlfluff`. Where a loop or a choice of
Jinja leaves no whole statement, what sqlfluff cannot parse is passed over; layout and capitals are
looked at all the same.
"""

import re
import sys
from pathlib import Path

from sqlfluff.core import FluffConfig, Linter

ROOT = Path(__file__).parents[1]
LONGEST = 100
# A body has no first or last line of its own, and the lines above it are blank here; a lone
# expression needs no alias, and the relations of a fragment stand where it is called. The length of
# every line is measured, comments too.
EXCLUDED = (
    "layout.start_of_file,layout.end_of_file,layout.newlines,layout.long_lines,aliasing.expression,"
    "references.from"
)
# What stands between the tags of these is not SQL, or is not a statement of it.
NOT_SQL = (
    "create_source_relations",
    "generate_schema_name",
    "domain_setting",
    "feature_names",
    "duckdb__features_kept",
    "walk_order",
)
MACRO = re.compile(
    r"\{%-? macro (?P<name>\w+)\(.*?\) -?%\}(?P<body>.*?)\{%-? endmacro -?%\}", re.DOTALL
)
TAG = re.compile(r"\{%.*?%\}|\{#.*?#\}|\{\{.*?\}\}", re.DOTALL)
JINJA = re.compile(rf"\{{%-? set \w+ -?%\}}.*?\{{%-? endset -?%\}}|{TAG.pattern}", re.DOTALL)


def config() -> FluffConfig:
    """The project's rules, with sqlfluff's own Jinja in place of dbt."""
    excluded = FluffConfig.from_path(str(ROOT)).get("exclude_rules")
    return FluffConfig.from_path(
        str(ROOT),
        overrides={
            "dialect": "duckdb",
            "templater": "jinja",
            # an unknown name stands for itself
            "ignore": "templating,parsing",
            "exclude_rules": f"{excluded},{EXCLUDED}",
        },
    )


def statement(text: str, macro: re.Match[str]) -> str:
    """A macro's body as a statement, on the lines where it stands."""
    before = "\n" * text[: macro.start("body")].count("\n")
    body = macro["body"]
    words = TAG.sub(" ", body).split()
    if words and words[0] in ("select", "with", "create"):
        lines = body.strip("\n").splitlines()
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        return before + "\n".join(line[indent:] for line in body.splitlines()) + "\n"
    return f"{before}select{body.rstrip()}\n"


def violations(path: Path, linter: Linter) -> list[str]:
    """What is wrong in a file, one line each."""
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    found = [
        f"{name}:{number}: longer than {LONGEST} columns"
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > LONGEST
    ]
    # one engine's version of ours stands beside it; one of dbt's own has a file of that name
    own = [
        macro["name"]
        for macro in MACRO.finditer(text)
        if "__" not in macro["name"] or macro["name"] == path.stem
    ]
    if own != [path.stem]:
        found.append(f"{name}: a file has one macro and its name; here {', '.join(own) or 'none'}")
    for macro in MACRO.finditer(text):
        if macro["name"] in NOT_SQL or not TAG.sub("", macro["body"]).strip():
            continue
        sql = statement(text, macro)
        bare = JINJA.sub(lambda part: "\n" * part[0].count("\n"), sql).splitlines()
        found += [
            f"{name}:{one.line_no}: {one.rule_code()} {one.desc()}"
            for one in linter.lint_string(sql, fname=str(name)).get_violations()
            # the indent of a line of Jinja says nothing of the SQL
            if one.rule_code() != "LT02" or bare[one.line_no - 1].strip()
        ]
    return found


def main() -> int:
    """Lint every macro, or the files that are named."""
    paths = [Path(name).resolve() for name in sys.argv[1:]] or sorted(
        (ROOT / "macros").rglob("*.sql")
    )
    linter = Linter(config=config())
    found = [line for path in paths for line in violations(path, linter)]
    sys.stdout.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
