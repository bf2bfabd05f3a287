"""What a run leaves for others to read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from ops.validation.report import Report
from ops.validation.results import Area, Outcome, Status
from ops.validation.session import row

STARTED = datetime(2026, 11, 23, 3, 4, 5, tzinfo=UTC)


def outcome(status: Status, detail: str, *, region: str = "us-east-1", look: str = "") -> Outcome:
    return Outcome(
        area=Area.TENANCY,
        check="memory",
        company="client-a",
        region=region,
        status=status,
        detail=detail,
        look=look,
        seconds=1.25,
    )


def report(*outcomes: Outcome, interrupted: bool = False) -> Report:
    return Report(
        run="abc123",
        target="stack local: client-a in us-east-1",
        started=STARTED,
        seconds=12.5,
        interrupted=interrupted,
        outcomes=outcomes,
    )


def test_junit_counts_and_quotes_what_failed_and_skips_what_was_not_judged(tmp_path: Path) -> None:
    cause = 'the Brain mixes companies: <"a"> & \x1b[31mred\x00'
    written = report(
        outcome(Status.PASSED, "20 questions"),
        outcome(Status.FAILED, cause, look="kubectl logs"),
        outcome(Status.NOT_ENFORCED, "no policy holds"),
        outcome(Status.NEEDS_CLUSTER, "none here", region=""),
    )
    junit, _ = written.write(tmp_path / "new")
    suite = ElementTree.parse(junit).getroot().find("testsuite")
    assert suite is not None
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped", "time")}
    assert counts == {"tests": "4", "failures": "1", "errors": "0", "skipped": "2", "time": "12.500"}
    passed, failed, not_enforced, none = suite
    assert (passed.get("classname"), passed.get("name")) == ("tenancy isolation.us-east-1.client-a", "memory")
    assert [child.tag for child in passed] == ["system-out"]
    failure = failed.find("failure")
    assert failure is not None and failure.text is not None
    assert failure.get("message") == 'the Brain mixes companies: <"a"> & [31mred'
    assert failure.text.splitlines()[1] == "look at: kubectl logs"
    skipped = not_enforced.find("skipped")
    assert skipped is not None and skipped.get("message") == "not enforced here: no policy holds"
    assert none.get("classname") == "tenancy isolation.client-a"


def test_json_has_all_of_it_and_names_are_the_time(tmp_path: Path) -> None:
    written = report(outcome(Status.FAILED, "because", look="there"))
    junit, file = written.write(tmp_path)
    assert {junit.name, file.name} == {"2026-11-23T03-04-05Z.xml", "2026-11-23T03-04-05Z.json"}
    content = json.loads(file.read_text())
    assert content["passed"] is False
    assert content["counts"]["failed"] == 1 and content["counts"]["passed"] == 0
    assert content["checks"] == [
        {
            "area": "tenancy isolation",
            "check": "memory",
            "company": "client-a",
            "region": "us-east-1",
            "status": "failed",
            "detail": "because",
            "look": "there",
            "seconds": 1.25,
        }
    ]
    assert (content["started"], content["run"]) == ("2026-11-23T03:04:05+00:00", "abc123")


def test_what_was_interrupted_has_not_passed() -> None:
    assert report(outcome(Status.PASSED, "fine"), interrupted=True).json()["passed"] is False
    assert report(outcome(Status.PASSED, "fine")).json()["passed"] is True


def test_a_failure_s_lines_name_its_cause_and_what_to_look_at() -> None:
    first, cause, look = row(outcome(Status.FAILED, "the Brain forgot", look="its log")).splitlines()
    assert first.split("  ")[0] == "tenancy isolation" and "FAILED" in first
    assert (cause, look) == ("    cause: the Brain forgot", "    look at: its log")
    assert "\n" not in row(outcome(Status.PASSED, "fine"))
