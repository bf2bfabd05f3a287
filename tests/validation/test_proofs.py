"""A question that fails, or that nobody could answer, is no proof."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.mcp_client import McpError
from ops.validation import application, isolation, pillars, proposals, removal
from ops.validation.pods import INSIDE
from ops.validation.process_sites import Commands, ProcessSite
from ops.validation.run import Run
from ops.validation.sites import Site
from ops.validation.verdicts import Failure, Status, Verdict
from tests.ops.copies import EU, US
from tests.s3 import S3Service
from tests.validation.box import Boxed
from tests.validation.runs import LIMITS, double

Made = Callable[..., Run]


@pytest.fixture
def run_of(tmp_path: Path) -> Iterator[Made]:
    """A run of companies, each with a Brain that has the fault of its name."""
    sites = list[ProcessSite]()

    def make(**faults: str) -> Run:
        for company, fault in faults.items():
            commands = Commands(
                brain=double("brain", *fault.split()), health_monitor=double("health-monitor")
            )
            sites.append(ProcessSite(company, commands, tmp_path / "volumes", tmp_path / "logs", LIMITS))
            sites[-1].open()
        return Run(id="abc123", sites=sites, limits=LIMITS)

    yield make
    for site in sites:
        site.close()


@pytest.mark.parametrize(
    ("fault", "judge"), [("deaf", isolation.judge), ("unlearning", pillars.recalled)], ids=["memory", "SOP"]
)
def test_a_brain_that_finds_nothing_at_all_proves_no_isolation(
    run_of: Made, fault: str, judge: Callable[[Run, Site], Verdict]
) -> None:
    run = run_of(acme="", globex=fault)
    application.stores(run, run.sites[0])
    verdict = judge(run, run.sites[0])
    assert verdict.status is Status.NOT_TRIED
    assert "proves nothing: no other Brain (globex)" in verdict.detail


def test_one_brain_that_finds_its_own_proves_it_and_the_others_are_named(run_of: Made) -> None:
    run = run_of(acme="", globex="deaf", initech="")
    application.stores(run, run.sites[0])
    verdict = isolation.judge(run, run.sites[0])
    assert verdict.status is Status.PASSED
    assert verdict.detail.endswith("this proves nothing of globex, which stores nothing now")


def test_a_brain_that_once_failed_to_recall_is_not_excused_by_another_s_check(run_of: Made) -> None:
    run = run_of(acme="", globex="unlearning")
    pillars.recalled(run, run.sites[0])
    with pytest.raises(Failure, match="the Brain of globex does not recall"):
        pillars.recalled(run, run.sites[1])


@pytest.fixture
def boxed(tmp_path: Path, s3: S3Service, rclone: Path) -> Iterator[Boxed]:
    made = Boxed(tmp_path, s3, rclone, regions=(US, EU), policy="failover")
    made.start(gates=False)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("page", [(502, "no way there"), (200, "agency_other 1\n")], ids=["502", "no series"])
def test_a_gate_that_does_not_say_its_role_is_no_standby(
    boxed: Boxed, monkeypatch: pytest.MonkeyPatch, page: tuple[int, str]
) -> None:
    """Else every check of a memory would be reported as one that does not apply."""
    follower = boxed.sites[-1]
    monkeypatch.setattr(follower, "page", lambda component, path: page)
    with pytest.raises((Failure, McpError), match=r"does not say in which role it is|status 502: no way"):
        follower.standby()


@pytest.mark.parametrize("page", [(502, "no way there"), (200, "")], ids=["502", "no series"])
def test_a_loss_guard_that_nobody_knows_of_is_not_calm(
    boxed: Boxed, monkeypatch: pytest.MonkeyPatch, page: tuple[int, str]
) -> None:
    site = boxed.sites[0]
    monkeypatch.setattr(site, "page", lambda component, path: page)
    with pytest.raises((Failure, McpError), match=r"loss guard of the brain .* is not known|status 502"):
        removal._require_calm(site, "brain")


def test_a_search_for_proposals_that_does_not_find_the_own_one_is_no_proof(
    boxed: Boxed, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(id="abc123", sites=boxed.sites, limits=LIMITS)
    assert proposals.judge(run, boxed.sites[0]).status is Status.PASSED
    monkeypatch.setattr(proposals, "_FIND", "true")
    with pytest.raises(Failure, match="cannot be judged: the search does not find it in the own one"):
        proposals.judge(run, boxed.sites[0])


def test_a_volume_that_is_not_there_has_not_no_files(tmp_path: Path) -> None:
    argv = [sys.executable, INSIDE / "volume.py", '{"count": ["acme"]}']
    done = subprocess.run(argv, env={"GATE_VOLUME": f"{tmp_path}/none"}, capture_output=True, text=True)
    assert done.returncode == 1 and "is no folder" in done.stderr
