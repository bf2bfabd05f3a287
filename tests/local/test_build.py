"""Building Go programs into the cache, with a tiny module that needs nothing from the network."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from local.machine.files import locked
from local.programs import build, catalog
from local.programs.build import BuildError, Program
from tests.services import until

TOOL = Program(
    name="tool",
    module="fake",
    package="example.local/fake",
    pinned="example.local/pinned",
    ldflags=("-X main.version={version}", "-X main.release={major}.{minor}"),
)
GO_MOD = "module example.local/fake\n\ngo 1.21\n\nrequire example.local/pinned v1.36.3\n"
MAIN = "package main\n\nvar version, release string\n\nfunc main() { println(version, release) }\n"
ENSURE = """
import sys
from pathlib import Path
from local.programs import build
tool = build.Program(name="tool", module="fake", package="example.local/fake", pinned="example.local/pinned")
build.ensure([tool], lambda line: print(line, flush=True), Path(sys.argv[1]))
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules with one program, and an empty cache."""
    monkeypatch.setenv("DIGITAL_AGENCY_CACHE", str(tmp_path / "cache"))
    module = tmp_path / "modules" / "fake"
    module.mkdir(parents=True)
    (module / "go.mod").write_text(GO_MOD + "replace example.local/pinned => ./pinned\n")
    (module / "go.sum").write_text("")
    (module / "tools.go").write_text('//go:build tools\n\npackage main\n\nimport _ "example.local/pinned"\n')
    (module / "main.go").write_text(MAIN)
    (module / "pinned").mkdir()
    (module / "pinned" / "go.mod").write_text("module example.local/pinned\n\ngo 1.21\n")
    (module / "pinned" / "pinned.go").write_text("package pinned\n")
    return module.parent


def slow_go(folder: Path) -> str:
    """A PATH on which `go build` writes half a file and then hangs, and every other `go` works."""
    folder.mkdir()
    real = shutil.which("go")
    script = f'#!/bin/sh\n[ "$1" = env ] && exec {real} "$@"\n'
    script += 'while [ "$1" != -o ]; do shift; done\necho half > "$2"\nexec sleep 1000\n'
    (folder / "go").write_text(script)
    (folder / "go").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_a_missing_program_is_built_with_the_version_that_go_mod_pins(modules: Path) -> None:
    lines: list[str] = []

    binary = build.ensure([TOOL], lines.append, modules)["tool"]

    assert binary.is_relative_to(build.cache() / "bin")
    assert subprocess.run([binary], capture_output=True, check=True).stderr == b"v1.36.3 1.36\n"
    assert lines[0] == "building tool from source (all programs: about 25 minutes, once)"
    assert lines[-1].startswith("built tool in ")


def test_a_program_is_built_once(modules: Path) -> None:
    binary = build.ensure([TOOL], print, modules)["tool"]
    before = binary.stat()
    lines: list[str] = []

    assert build.ensure([TOOL], lines.append, modules) == {"tool": binary}
    assert lines == []
    assert binary.stat() == before


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "tools.go", "main.go"])
def test_a_changed_pin_is_another_binary(modules: Path, file: str) -> None:
    before = build.ensure([TOOL], print, modules)["tool"]
    with (modules / "fake" / file).open("a") as stream:
        stream.write("\n// changed\n" if file != "go.sum" else "\n")

    assert build.ensure([TOOL], print, modules)["tool"] != before
    assert before.exists()


def test_a_failed_build_quotes_the_compiler_and_names_the_log(modules: Path) -> None:
    (modules / "fake" / "main.go").write_text("package main\n\nfunc main() { missing() }\n")

    with pytest.raises(
        BuildError, match=r"(?s)building tool failed; the end of \S+/tool\.log:.*undefined: missing"
    ):
        build.ensure([TOOL], print, modules)
    log = next((build.cache() / "bin").glob("*/tool.log"))
    assert "undefined: missing" in log.read_text()


def test_without_go_the_error_says_what_is_missing(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(BuildError, match=r"no `go` on PATH: .* with Go 1\.21 or later"):
        build.ensure([TOOL], print, modules)


def test_files_of_the_pinned_module_lie_beside_the_program(modules: Path) -> None:
    (modules / "fake" / "pinned" / "schemas").mkdir()
    (modules / "fake" / "pinned" / "schemas" / "one.yaml").write_text("kind: One\n")

    binary = build.ensure([replace(TOOL, files=("schemas/*.yaml",))], print, modules)["tool"]

    assert (binary.parent / "one.yaml").read_text() == "kind: One\n"


def test_a_file_that_the_pinned_module_lacks_is_rejected(modules: Path) -> None:
    with pytest.raises(BuildError, match=r"tool: no file schemas/\*\.yaml in example\.local/pinned"):
        build.ensure([replace(TOOL, files=("schemas/*.yaml",))], print, modules)


def test_a_program_that_go_mod_does_not_pin_is_rejected(modules: Path) -> None:
    program = Program(name="tool", module="fake", package="example.local/fake", pinned="example.local/other")

    with pytest.raises(BuildError, match=r"go\.mod does not pin example\.local/other"):
        build.ensure([program], print, modules)


def test_a_second_run_waits_for_the_first_and_says_so(modules: Path) -> None:
    binary = build.ensure([TOOL], print, modules)["tool"]
    binary.unlink()
    lines: list[str] = []
    second = threading.Thread(target=build.ensure, args=([TOOL], lines.append, modules))
    with locked(binary.parent / "lock", print, "nothing"):
        second.start()
        until(lambda: lines != [], "it says that it waits")
        assert lines == ["waiting for another run: it builds fake (0 s)"]
        assert not binary.exists()
    second.join()
    assert binary.exists()


def test_two_runs_at_once_build_it_once(modules: Path) -> None:
    runs = [
        subprocess.Popen([sys.executable, "-c", ENSURE, str(modules)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    lines = [run.communicate()[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0]
    assert sum("built tool in" in text for text in lines) == 1


def test_a_build_that_was_killed_leaves_nothing_that_looks_finished(
    modules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", ENSURE, str(modules)]
    path = slow_go(tmp_path / "slow")
    with subprocess.Popen(command, env={**os.environ, "PATH": path}, process_group=0) as killed:
        binaries = build.cache() / "bin"
        until(lambda: any(file.stat().st_size for file in binaries.glob("*/.tool.*.tmp")), "half is written")
        os.killpg(killed.pid, signal.SIGKILL)
    assert list(binaries.glob("*/tool")) == []

    subprocess.run(command, check=True)
    binary = next(binaries.glob("*/tool"))
    assert binary.stat().st_mode & stat.S_IXUSR
    assert list(binaries.glob("*/.tool.*.tmp")) == []


def test_a_compiler_that_outlives_its_starter_is_waited_for(modules: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", ENSURE, str(modules)]
    path = slow_go(tmp_path / "slow")
    with subprocess.Popen(command, env={**os.environ, "PATH": path}, process_group=0) as killed:
        binaries = build.cache() / "bin"
        until(lambda: any(file.stat().st_size for file in binaries.glob("*/.tool.*.tmp")), "half is written")
        killed.kill()
        killed.wait()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "waiting for another run: it builds fake (0 s)\n"
            os.killpg(killed.pid, signal.SIGKILL)
            assert "built tool in" in second.communicate()[0]


def test_every_program_is_pinned_by_its_module() -> None:
    for program in catalog.PROGRAMS.values():
        module = build.MODULES / program.module
        ours = program.package.startswith(".")
        source, imported = (
            (f"{program.package}/main.go", program.pinned) if ours else ("tools.go", program.package)
        )
        assert f'"{imported}' in (module / source).read_text()
        required = (module / "go.mod").read_text()
        assert f"{program.pinned} v" in required
        replaced = re.search(rf"^replace {re.escape(program.pinned)} => (\S+)", required, re.MULTILINE)
        assert f"{replaced[1] if replaced else program.pinned} v" in (module / "go.sum").read_text()
