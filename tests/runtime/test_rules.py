"""Rules for every file under runtime/: it runs in stock images, which hold Python and rclone and no more."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import runtime

FOLDER = Path(runtime.__file__).parent
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.py"))
MODULES = [
    ".".join(["runtime", *Path(file).with_suffix("").parts]).removesuffix(".__init__") for file in FILES
]
STARTS_RCLONE = "gate/storage/rclone.py"

GONE = frozenset(
    [
        # 3.12. Source, here as below: docs.python.org/3/whatsnew
        *["asynchat", "asyncore", "distutils", "imp", "smtpd"],
        # 3.13: PEP 594, and lib2to3.
        *[
            "aifc",
            "audioop",
            "cgi",
            "cgitb",
            "chunk",
            "crypt",
            "imghdr",
            "lib2to3",
            "mailcap",
            "msilib",
            "nis",
        ],
        *["nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"],
    ]
)
"""Modules of 3.11's standard library that later ones have not."""
NEWER = frozenset(["annotationlib", "compression", "pathlib.types", "string.templatelib"])
"""Modules of later ones that 3.11's has not."""
STARTERS = frozenset(
    ["subprocess", "multiprocessing", "pty", "concurrent.futures.process", "_posixsubprocess"]
)
"""Modules that start programs or processes."""
STARTING = ("system", "popen", "exec", "spawn", "posix_spawn", "fork", "startfile")
"""How the functions of `os` that do begin."""
TOOLS = frozenset(
    [
        *[
            "python",
            "python3",
            "sh",
            "bash",
            "ash",
            "env",
            "cp",
            "mv",
            "grep",
            "sed",
            "awk",
            "xargs",
        ],
        *["kill", "pkill", "ps", "curl", "wget", "kubectl", "aws", "jq", "tar", "rsync"],
    ]
)
"""What one expects on a machine, and slim images lack. (`cat` is a command of rclone as well.)"""


def tree(file: str) -> ast.Module:
    return ast.parse((FOLDER / file).read_text(), file, feature_version=(3, 11))


def imports(file: str) -> Iterator[str]:
    """Every module that a file imports, anywhere in it."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports relatively"
            yield node.module or ""


def starts(module: ast.Module) -> Iterator[str]:
    """What in a file could start a program."""
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            if node.attr.startswith(STARTING):
                yield f"line {node.lineno}: os.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (f"line {node.lineno}: os.{a.name}" for a in node.names if a.name.startswith(STARTING))


def strings(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of every string of a file that is not a docstring."""
    alone = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.lineno, node.value


def is_allowed(module: str) -> bool:
    top = module.split(".")[0]
    if top == "runtime":
        return True
    return top in sys.stdlib_module_names and top not in GONE and not {top, module} & NEWER


@pytest.mark.parametrize("file", FILES)
def test_a_file_imports_the_standard_library_and_runtime_alone(file: str) -> None:
    assert [module for module in imports(file) if not is_allowed(module)] == []


@pytest.mark.parametrize("module", ["yaml", "boto3", "cgi", "distutils.util", "components.gate", "settings"])
def test_what_the_images_lack_would_be_noticed(module: str) -> None:
    assert not is_allowed(module)


@pytest.mark.parametrize("file", [file for file in FILES if file != STARTS_RCLONE])
def test_a_file_starts_no_program(file: str) -> None:
    assert [module for module in imports(file) if module in STARTERS] == []
    assert list(starts(tree(file))) == []


def test_a_program_that_is_started_another_way_would_be_noticed() -> None:
    code = (
        "import os\nfrom os import fork\nos.execv('/x', [])\nos.spawnl(os.P_WAIT, '/x')\nos.path.exists('/x')"
    )

    assert [found.partition(": ")[2] for found in starts(ast.parse(code))] == [
        "os.fork",
        "os.execv",
        "os.spawnl",
    ]


def test_the_store_starts_rclone_without_a_shell() -> None:
    calls = [
        node
        for node in ast.walk(tree(STARTS_RCLONE))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("subprocess.")
    ]

    assert calls
    for call in calls:
        assert "rclone" in ast.unparse(call.args[0]), ast.unparse(call)
        assert "shell" not in [keyword.arg for keyword in call.keywords], ast.unparse(call)
    assert list(starts(tree(STARTS_RCLONE))) == []


@pytest.mark.parametrize("file", FILES)
def test_a_file_names_no_tool_and_no_binary_of_an_image(file: str) -> None:
    named = [
        f"line {line}: {text!r}"
        for line, text in strings(tree(file))
        if text in TOOLS or text.startswith(("/bin/", "/usr/", "/sbin/", "/opt/", "#!"))
    ]

    assert named == []


@pytest.mark.parametrize("file", FILES)
def test_a_file_takes_the_syntax_of_the_oldest_python(file: str) -> None:
    compile(tree(file), file, "exec")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs as they lie in a pod: alone."""
    folder = tmp_path_factory.mktemp("bare")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(FOLDER, folder / "programs" / "runtime", ignore=ignored)
    (folder / "elsewhere").mkdir()
    return folder


def others() -> list[str]:
    """Other Pythons that the machine has, from the oldest that counts."""
    found = [shutil.which(f"python3.{minor}") for minor in range(11, 20)]
    return [
        python
        for python in found
        if python and subprocess.run([python, "-c", ""], capture_output=True).returncode == 0
    ]


def import_bare(bare: Path, python: str, modules: list[str]) -> None:
    code = (
        "import json, sys\n"
        f"sys.path.insert(0, {str(bare / 'programs')!r})\n"
        "before = set(sys.modules)\n"
        f"import {', '.join(modules)}\n"
        "new = [module for name, module in sys.modules.items() if name not in before]\n"
        "print(json.dumps([[module.__name__, getattr(module, '__file__', None)] for module in new]))"
    )
    command = [python, "-I", "-S", "-B", "-c", code]
    ran = subprocess.run(command, cwd=bare / "elsewhere", capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    loaded = dict(json.loads(ran.stdout))
    ours = {name for name, path in loaded.items() if path and path.startswith(str(bare))}
    assert {name.split(".")[0] for name in ours} == {"runtime"}
    assert not [path for path in loaded.values() if path and "site-packages" in path]
    assert list((bare / "elsewhere").iterdir()) == [], "importing wrote something"


@pytest.mark.services
@pytest.mark.parametrize("module", MODULES)
def test_each_module_imports_by_itself_in_a_bare_interpreter(bare: Path, module: str) -> None:
    """By itself: a circle of imports shows only to whoever comes in on the wrong side."""
    import_bare(bare, sys.executable, [module])


@pytest.mark.services
def test_all_modules_import_in_each_python_that_this_machine_has(bare: Path) -> None:
    for python in [sys.executable, *others()]:
        import_bare(bare, python, MODULES)
