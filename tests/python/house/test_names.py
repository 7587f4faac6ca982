"""One word, one thing: what the code's own definitions must keep to."""

import ast
from collections import defaultdict

from pipeline.project.home import PROJECT

ROOMS = ("benchmarks", "cli", "app", "pipeline", "ml")


def test_no_class_name_means_two_things():
    found = defaultdict(list)
    for room in ROOMS:
        for path in sorted((PROJECT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    found[node.name].append(str(path.relative_to(PROJECT)))
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


def test_every_package_says_what_it_is_for():
    bare = [
        str(path.relative_to(PROJECT))
        for room in ROOMS
        for path in (PROJECT / room).rglob("__init__.py")
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert bare == []
