"""The runtime programs in ConfigMaps: complete, importable from their mount, named by their content."""

from __future__ import annotations

import ast
import base64
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from components import runtime_programs
from components.runtime_programs import Program, command
from plan.names import PROGRAMS_FOLDER
from tests.components.stacks import stack
from tests.recording import CONFIG_MAP, record

CONFIG_MAP_BYTES = 1 << 20
"""What a ConfigMap may hold (source: Kubernetes documentation, "ConfigMaps")."""

PROGRAMS = {
    "gate": (runtime_programs.gate, ("runtime/gate/__main__.py", "runtime/gate/restore/__main__.py")),
    "controller": (runtime_programs.failover_controller, ("runtime/controller/__main__.py",)),
}
each_program = pytest.mark.parametrize("package", PROGRAMS)


def program(package: str) -> Program:
    return PROGRAMS[package][0]()


def imports(source: str) -> set[str]:
    """Modules that a module imports, and names that may be modules."""
    found = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "only absolute imports find their module wherever the program lies"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@each_program
def test_a_program_has_every_module_that_it_imports_and_what_it_starts_with(package: str) -> None:
    files = program(package).files
    modules = {path.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for path in files}
    assert set(PROGRAMS[package][1]) <= files.keys()
    for path, source in files.items():
        for name in imports(source):
            if name.split(".")[0] == "runtime":
                assert name in modules or name.rpartition(".")[0] in modules, f"{path}: {name}"


@each_program
def test_a_program_needs_python_s_standard_library_alone(package: str) -> None:
    for path, source in program(package).files.items():
        tops = {name.split(".")[0] for name in imports(source) if "." not in name}
        assert tops - {"runtime"} <= sys.stdlib_module_names | {"__future__"}, path


@each_program
def test_a_program_brings_nothing_of_another(package: str) -> None:
    for path in program(package).files:
        parts = path.split("/")
        assert parts[0] == "runtime" and (len(parts) == 2 or parts[1] in ("contracts", package)), path


@each_program
def test_a_program_uses_little_of_a_config_map_s_limit(package: str) -> None:
    assert len(json.dumps(program(package).config_map("acme", {}))) < CONFIG_MAP_BYTES / 8


@each_program
def test_a_name_is_that_of_its_content(package: str) -> None:
    resource = program(package)
    path = min(resource.files)
    others = [
        replace(resource, files={**resource.files, path: resource.files[path] + "\n# more"}),
        replace(resource, files={name: source for name, source in resource.files.items() if name != path}),
        replace(resource, files={**resource.files, "runtime/new.py": ""}),
    ]
    assert len({resource.name, *(other.name for other in others)}) == 4
    assert replace(resource, files=dict(reversed(resource.files.items()))).name == resource.name


@pytest.mark.services
@each_program
def test_mounted_programs_start_in_a_bare_interpreter_and_report_what_is_missing(
    package: str, tmp_path: Path
) -> None:
    resource = program(package).config_map("acme", {})
    for key, text in resource["data"].items():
        (tmp_path / key).write_text(text)
    for key, packed in resource["binaryData"].items():
        (tmp_path / key).write_bytes(base64.b64decode(packed))
    path, *module = command(f"runtime.{package}")
    assert path == "python3"
    start = str(tmp_path / Path(module[0]).relative_to(PROGRAMS_FOLDER))
    run = [sys.executable, "-I", "-S", start, *module[1:]]
    ended = subprocess.run(run, cwd=tmp_path, env={}, capture_output=True, text=True)
    assert ended.returncode == 1
    assert f'File "runtime/{package}/__main__.py"' in ended.stderr
    assert "KeyError" in ended.stderr


def test_every_namespace_has_the_gate_s_program_once_a_cluster() -> None:
    run = record(stack(companies=["acme", "globex"]))
    found = [
        resource for resource in run.of(CONFIG_MAP) if resource.inputs["metadata"]["name"].startswith("gate-")
    ]
    assert {resource.inputs["metadata"]["namespace"] for resource in found} == {"acme", "globex"}
    assert len(found) == 2
