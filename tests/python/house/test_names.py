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


def test_every_package_opens_with_its_files():
    """In the order of the flow or of a request; each file by its name."""
    missing = {}
    for room in ROOMS:
        for path in sorted((PROJECT / room).rglob("__init__.py")):
            words = ast.get_docstring(ast.parse(path.read_text())) or ""
            files = {
                other.stem if other.is_file() else other.name
                for other in path.parent.iterdir()
                if (other.suffix == ".py" and not other.name.startswith("__"))
                or (other / "__init__.py").exists()
            }
            if path.parent.name != "benchmarks" and (gone := {f for f in files if f not in words}):
                missing[str(path.parent.relative_to(PROJECT))] = sorted(gone)
    assert missing == {}
