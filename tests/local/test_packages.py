"""Missing Debian packages are installed with consent. What prevents this is an error that says what to do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local import packages
from local.machine.files import LocalError
from tests.local.machine import ALL, Machine
from tests.recording import ROOT

BY_HAND = f"apt-get install --no-install-recommends {' '.join(ALL)}"
LACKS = f"Debian packages: missing (required): {', '.join(ALL)}. "
LOCK = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Root's, with an apt-get that succeeds."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "POLL_SECONDS", 0.01)
    created = Machine(tmp_path)
    created.write_apt_get()
    return created


def ensure(agrees: bool = True) -> list[str]:
    """Install the packages of the nodes; what was said and asked."""
    said: list[str] = []

    def consent(question: str) -> bool:
        said.append(question)
        return agrees

    packages.ensure(packages.for_nodes, said.append, consent)
    return said


def failure(agrees: bool = True) -> str:
    with pytest.raises(LocalError) as raised:
        ensure(agrees)
    return str(raised.value)


def test_a_bare_machine_gets_all_packages_at_once_and_nothing_a_second_time(machine: Machine) -> None:
    said = ensure()

    assert said[0] == f"missing Debian packages: {', '.join(ALL)}"
    assert said[1] == f"Install them with `{BY_HAND}`?"
    assert said[2] == f"running `{BY_HAND}`"
    assert re.fullmatch(rf"installed {', '.join(ALL)} in \d+ s", said[-1])
    [call] = machine.calls()
    assert call[0] == "noninteractive"
    assert call[-len(ALL) - 2 :] == ["install", "--no-install-recommends", *ALL]
    assert {"--yes", f"DPkg::Lock::Timeout={packages.LOCK_SECONDS}"} <= set(call)
    assert ensure() == []
    assert len(machine.calls()) == 1


@pytest.mark.parametrize("package", ALL)
def test_only_missing_packages_are_installed(machine: Machine, package: str) -> None:
    ensure()
    programs = {name: program for program, name in packages.PROGRAMS.items()}
    (machine.folder / programs.get(package, f"installed-{package}")).unlink()
    # Without its compiler or pkg-config a library cannot be found; to install it again changes nothing.
    unknown = [name for name, (program, *_) in packages.LIBRARIES.items() if program == programs.get(package)]

    ensure()

    assert machine.calls()[-1][-len(unknown) - 2 :] == [
        "--no-install-recommends",
        *sorted([package, *unknown]),
    ]


def test_package_lists_are_updated_only_when_the_installation_fails(machine: Machine) -> None:
    machine.write_apt_get("E: Unable to locate package mmdebstrap")

    assert "the installation failed: trying again with new package lists" in ensure()

    assert [("update" in call, "install" in call) for call in machine.calls()] == [
        (False, True),
        (True, False),
        (False, True),
    ]


def test_an_update_that_fails_in_part_does_not_prevent_the_installation(machine: Machine) -> None:
    machine.write_apt_get("E: Unable to locate package gcc", "E: The repository 'x' has no Release file")

    assert ensure()[-1].startswith("installed ")


def test_the_locks_of_another_run_of_apt_are_waited_for(machine: Machine) -> None:
    machine.write_apt_get("E: Unable to locate package gcc", LOCK, LOCK)

    said = ensure()

    waiting = f"updating package lists: waiting for another run of apt: {LOCK.removeprefix('E: ')}"
    assert said.count(waiting) == 2
    assert said[-1].startswith("installed ")


def test_a_lock_that_stays_ends_the_wait(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "LOCK_SECONDS", 0)
    machine.write_apt_get(LOCK, LOCK, LOCK)

    assert LOCK in failure()


def test_an_installation_that_fails_twice_quotes_apt_get(machine: Machine) -> None:
    broken = "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'"
    machine.write_apt_get(broken, "E: no network", broken)

    message = failure()

    assert message.startswith(LACKS)
    assert "failed with exit code 100" in message
    assert f"E: no network\n{broken}\nCorrect this, then run this command again" in message


def test_a_no_changes_nothing_and_names_the_command(machine: Machine) -> None:
    assert failure(agrees=False) == (
        f"{LACKS}You declined to install them: run this command again, or `{BY_HAND}`"
    )
    assert machine.calls() == []


def test_without_apt_get_the_packages_are_named(machine: Machine) -> None:
    (machine.folder / "apt-get").unlink()

    message = failure()

    assert message.startswith(f"{LACKS}No `apt-get` on PATH: only Debian and Ubuntu are supported.")


def test_another_user_than_root_gets_the_command_for_sudo(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert failure() == f"{LACKS}Only root can install them: run this command as root, or `sudo {BY_HAND}`"
    assert machine.calls() == []


def test_programs_that_are_installed_outside_of_path_are_named(machine: Machine) -> None:
    machine.write("apt-get", "#!/bin/sh\nexit 0\n")

    message = failure()

    assert f"{', '.join(ALL)} cannot be used: PATH must contain /usr/sbin and /usr/bin" in message


def test_a_long_installation_shows_its_progress(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "REPORT_SECONDS", 0.1)
    machine.write_apt_get(seconds=0.5)

    assert any(re.fullmatch(r"installing packages: .*\(\d+ s\)", line) for line in ensure())


def test_an_interrupted_installation_leaves_no_apt_get_behind(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "REPORT_SECONDS", 0.1)
    machine.write("apt-get", '#!/bin/sh\necho $$ > "${0%/*}/pid"\nexec /bin/sleep 60\n')

    def interrupt(line: str) -> None:
        if line.startswith("installing packages"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        packages.ensure(packages.for_nodes, interrupt, lambda question: True)

    assert not Path("/proc", (machine.folder / "pid").read_text().strip()).exists()


def test_debians_python_without_venv_gets_its_package(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert packages.for_venv() == []

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    major, minor = sys.version_info[:2]
    assert packages.for_venv() == [f"python{major}.{minor}-venv"]


@pytest.fixture
def command(machine: Machine) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`python -m local.packages`, called as the Makefile and .ci/run do, on a terminal or on none."""
    code = "import os, sys; os.geteuid = lambda: 0; from local import packages; sys.exit(packages.main())"

    def run(*arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
        called = [sys.executable, "-S", "-c", code, *arguments]  # -S: without installed Python packages
        return subprocess.run(called, cwd=ROOT, stdin=stdin, capture_output=True, text=True)

    return run


def test_without_a_terminal_the_command_installs_without_asking(
    machine: Machine, command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = command("nodes")

    assert (done.returncode, done.stderr) == (0, "")
    assert "installed " in done.stdout
    assert len(machine.calls()) == 1


@pytest.mark.parametrize(
    ("typed", "options", "code", "calls"), [("n\n", [], 1, 0), ("y\n", [], 0, 1), ("n\n", ["--yes"], 0, 1)]
)
def test_on_a_terminal_the_command_asks_without_yes(
    machine: Machine,
    command: Callable[..., subprocess.CompletedProcess[str]],
    typed: str,
    options: list[str],
    code: int,
    calls: int,
) -> None:
    ours, theirs = os.openpty()
    os.write(ours, typed.encode())
    try:
        done = command("nodes", *options, stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)

    assert done.returncode == code
    assert len(machine.calls()) == calls
    assert ("Install them with `" in done.stderr) == (not options)
    assert ("error: Debian packages: missing (required): " in done.stderr) == bool(code)


@pytest.mark.parametrize("file", [".ci/run", "Makefile", "README.md", ".github/workflows/pull-request.yml"])
def test_no_other_place_lists_the_packages(file: str) -> None:
    assert not [name for name in ALL if re.search(rf"\b{name}\b", (ROOT / file).read_text())]


def test_ci_installs_the_packages_before_the_tests() -> None:
    assert (ROOT / ".ci/run").read_text().splitlines()[-2:] == [
        "python3 -m local.packages nodes --yes",
        "make test",
    ]


@pytest.mark.parametrize(("assignment", "agrees"), [("YES=1", True), ("YES=", False), ("YES=0", False)])
def test_make_up_agrees_only_with_yes_1(assignment: str, agrees: bool) -> None:
    shown = subprocess.run(["make", "--dry-run", "up", assignment], cwd=ROOT, capture_output=True, text=True)

    [up] = [line for line in shown.stdout.splitlines() if " -m local up " in line]
    assert ("--yes" in up.split()) is agrees
