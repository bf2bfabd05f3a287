"""The packages of the gate import one another in the order that `runtime/gate/__init__.py` states."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import runtime.gate

FOLDER = Path(runtime.gate.__file__).parent
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.py"))
MOST_LINES = 300
MOST_FUNCTION_LINES = 40


def order() -> dict[str, int]:
    """The line of each package and module in the docstring."""
    text = runtime.gate.__doc__ or ""
    lines = [line for line in text.splitlines() if line.startswith("    ")]
    return {
        name: number
        for number, line in enumerate(lines)
        for name in re.split(r"  +", line.strip())[0].split(", ")
    }


def unit(module: str) -> str:
    return module.split(".")[0] if module else "__init__"


def units_imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "runtime.gate":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("runtime.gate."):
            yield unit((node.module or "").removeprefix("runtime.gate."))


def breaks(file: str, source: str) -> list[str]:
    places = order()
    own = unit(Path(file).with_suffix("").as_posix().replace("/", "."))
    return [other for other in units_imported(source) if places[other] > places[own]]


def test_the_order_names_every_package_and_module() -> None:
    units = {unit(Path(file).with_suffix("").as_posix().replace("/", ".")) for file in FILES}

    assert set(order()) == units - {"__init__"}


@pytest.mark.parametrize("file", [file for file in FILES if file != "__init__.py"])
def test_a_module_imports_from_its_own_line_and_from_those_above(file: str) -> None:
    assert breaks(file, (FOLDER / file).read_text()) == []


def test_an_import_against_the_order_would_be_noticed() -> None:
    source = "from runtime.gate.handover.roles import Role\nfrom runtime.gate import worker\n"

    assert breaks("storage/bucket.py", source) == ["handover", "worker"]
    assert breaks("worker.py", source) == []


def functions(file: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse((FOLDER / file).read_text())):
        if isinstance(node, ast.FunctionDef):
            yield node.name, (node.end_lineno or 0) - node.lineno + 1


@pytest.mark.parametrize("file", FILES)
def test_files_and_functions_are_short(file: str) -> None:
    assert len((FOLDER / file).read_text().splitlines()) <= MOST_LINES
    assert [name for name, lines in functions(file) if lines > MOST_FUNCTION_LINES] == []
