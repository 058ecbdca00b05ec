"""What others may import is named, and nothing else is meant; and each module may be the first that is imported."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

import grimp
import pytest

ROOT: Final = Path(__file__).parents[2]

MODULES: Final = [
    *("consumer.decoder", "consumer.decoder_testing", "consumer.documents", "consumer.errors", "consumer.record"),
    *("consumer.sink", "consumer.sink_testing"),
    *("consumer.sinks.dynamodb", "consumer.sinks.jsonl", "consumer.sinks.kinesis", "consumer.functions.handlers"),
    *("redaction.guard", "redaction.keys", "redaction.parse", "redaction.plugin", "redaction.serialize"),
    *(
        f"redaction.{package}.{file.stem}"
        for package in ("actions", "detectors")
        for file in sorted((ROOT / "redaction" / package).glob("*.py"))
        if file.stem != "__init__"
    ),
]
"""Their names are those that they define, and maybe some of what they import."""

FACES: Final = [
    *("consumer.aws", "consumer.logs", "consumer.metrics", "consumer.pipeline", "consumer.settings"),
    *("redaction.engine", "redaction.policy", "redaction.testing"),
]
"""Packages whose names are handed on from their modules."""

ROOTS: Final = ["consumer", "redaction"]

# Imports each module first, and says which could not be: in a fork, where nothing of ours is loaded, and all else is.
FIRST: Final = """
import contextlib, os, sys
from importlib import import_module
names = sys.stdin.read().split()
for name in names:
    with contextlib.suppress(ImportError):
        import_module(name)
for name in [name for name in sys.modules if name.partition(".")[0] in ("consumer", "redaction")]:
    del sys.modules[name]
for name in names:
    if not (child := os.fork()):
        try:
            import_module(name)
        except BaseException as error:
            print(f"{name}: {type(error).__name__}: {error}", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def files() -> Iterator[tuple[str, Path]]:
    """Each module and package, by the name under which it is imported."""
    for root in ROOTS:
        for file in sorted((ROOT / root).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


FILES: Final = dict(files())


def body_of(name: str) -> list[ast.stmt]:
    return ast.parse(FILES[name].read_text(encoding="utf-8")).body


def defined(name: str) -> set[str]:
    found = set()
    for statement in body_of(name):
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.add(statement.name)
            case ast.Assign():
                found |= {
                    each.id for target in statement.targets for each in ast.walk(target) if isinstance(each, ast.Name)
                }
            case ast.AnnAssign(target=ast.Name(id=target)):
                found.add(target)
    return {each for each in found if not each.startswith("_")}


def handed_on(name: str) -> set[str]:
    return {
        alias.asname or alias.name
        for statement in body_of(name)
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }


@pytest.mark.parametrize("name", MODULES)
def test_a_module_names_all_that_it_defines_for_others(name: str) -> None:
    module = import_module(name)
    assert defined(name) <= set(module.__all__) <= defined(name) | handed_on(name)


@pytest.mark.parametrize("name", FACES)
def test_a_package_names_all_that_it_hands_on_and_holds_nothing_else(name: str) -> None:
    package = import_module(name)
    assert set(package.__all__) == handed_on(name)
    assert not defined(name)
    assert all(hasattr(package, each) for each in package.__all__)


def test_no_other_package_hands_anything_on() -> None:
    packages = {name for name, file in FILES.items() if file.name == "__init__.py"} - {*FACES, *ROOTS}
    assert packages
    for name in packages:
        text = FILES[name].read_text(encoding="utf-8")
        assert len(body_of(name)) == 1, name
        assert text.startswith('"""'), name
        assert text.endswith('."""\n'), name
        assert (text.count("\n"), text.count(". ")) == (1, 0), f"{name}: one sentence says why it exists"


def test_what_is_named_is_public_and_what_is_public_is_named() -> None:
    named = {
        name
        for name in FILES
        if any(isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__all__" for each in body_of(name))
    }
    assert named == {*MODULES, *FACES}


def test_any_module_may_be_imported_first() -> None:
    """Only one that leads back to itself could fail: its package, which is imported with it, may hand it on."""
    graph = grimp.build_graph(*ROOTS, exclude_type_checking_imports=True, cache_dir=None)
    for name in graph.modules - set(ROOTS):
        graph.add_import(importer=name, imported=name.rpartition(".")[0])
    behind = {name: {name, *graph.find_upstream_modules(name)} for name in graph.modules}
    names = [
        name
        for name in sorted(graph.modules)
        if any(name in behind[each] for each in graph.find_modules_directly_imported_by(name))
    ]
    assert set(FACES) <= set(names) < set(FILES)
    ran = subprocess.run(
        [sys.executable, "-c", FIRST],
        input=" ".join(names),
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
        cwd=ROOT,
    )
    assert ran.stdout == ""
