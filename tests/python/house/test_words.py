"""What users read keeps to plain English: no turns of phrase that make them read twice."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.project.home import PROJECT

ROOMS = ("cli", "pipeline", "app", "ml")
TICS = {
    '"is not a …", not "is no …"': re.compile(r"(?<!there )(?<!There )\b(?:is|are) no (?!t\b)\w+"),
    '"again", not "anew"': re.compile(r"\banew\b", re.IGNORECASE),
    '"for example", not "for one"': re.compile(r"\bfor one(?=[.,;:)]|$)", re.IGNORECASE),
    '"is reported", not "is told"': re.compile(r"\b(?:is|are|was) told\b", re.IGNORECASE),
    '"by their own rhythm", not "by the own"': re.compile(r"\bby the own\b", re.IGNORECASE),
    '"fix", not "mend"': re.compile(r"\bmend(?:s|ed|ing)?\b", re.IGNORECASE),
}
# "is no" that says that something does not exist, or no longer does
FINE = re.compile(r"\b(?:is|are) no (?:longer|more|other)\b")


def tics(text: str) -> list[str]:
    """Return what a text should say instead."""
    text = FINE.sub("", " ".join(text.split()))
    return [words for words, pattern in TICS.items() if pattern.search(text)]


def is_shown(function: ast.AST) -> bool:
    """Whether a function's docstring is shown: commands' in the help, routes' in OpenAPI."""
    return isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and any(
        isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute)
        for decorator in function.decorator_list
    )


def shown_texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the strings of a module that users may read, with their lines."""
    tree = ast.parse(path.read_text())
    hidden = set()
    for node in ast.walk(tree):
        is_scope = isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        )
        if is_scope and ast.get_docstring(node) is not None and not is_shown(node):
            # a model's docstring is in the OpenAPI document
            is_model = isinstance(node, ast.ClassDef) and "app/api" in str(path)
            if not is_model:
                hidden.add(node.body[0].value)
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
            hidden.update(node.values)
            yield node.lineno, "".join(parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in hidden:
            yield node.lineno, node.value


def test_what_users_read_has_no_tics():
    found = [
        f"{path.relative_to(PROJECT)}:{line}: {text[:80]!r}: {', '.join(words)}"
        for room in ROOMS
        for path in sorted((PROJECT / room).rglob("*.py"))
        for line, text in shown_texts(path)
        if (words := tics(text))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "'20x' is no rate limit.",
        "Numbers\n    are no days.",
        "Begin anew without a cursor.",
        "On a share for one.",
        "The last line of its traceback is told.",
        "55 days overdue by the own rhythm",
        "Mend these lines and give the file again.",
    ],
)
def test_a_tic_is_found(text, tmp_path):
    assert len(tics(text)) == 1
    module = tmp_path / "commands.py"
    module.write_text(f'@app.command()\ndef command():\n    """{text}"""\n')
    assert [words for _, shown in shown_texts(module) for words in tics(shown)] == tics(text)


@pytest.mark.parametrize(
    "text",
    [
        "There is no data yet.",
        "There are no scores yet.",
        "The generation is no longer available.",
        "The outcome for one uploaded file.",
        "Recommend an action.",
    ],
)
def test_plain_sentences_pass(text):
    assert tics(text) == []
