"""What a run leaves behind for others to read: a JUnit report for CI, and all of it as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

from ops.validation.verdicts import Outcome, Status

NO_XML = {code: None for code in range(32) if chr(code) not in "\t\n\r"}
"""Characters that XML 1.0 cannot hold."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """`target` is what was checked, in words; `started` in UTC."""

    run: str
    target: str
    started: datetime
    seconds: float
    interrupted: bool
    outcomes: Sequence[Outcome]

    @property
    def failed(self) -> int:
        return sum(outcome.status is Status.FAILED for outcome in self.outcomes)

    @property
    def summary(self) -> str:
        counts = Counter(outcome.status for outcome in self.outcomes)
        told = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])
        return f"{told or 'nothing was checked'} in {self.seconds:.0f} s"

    def write(self, folder: Path) -> tuple[Path, Path]:
        """JUnit and JSON, named by the time at which the run started."""
        folder.mkdir(parents=True, exist_ok=True)
        stem = self.started.strftime("%Y-%m-%dT%H-%M-%SZ")
        junit, told = folder / f"{stem}.xml", folder / f"{stem}.json"
        tree = ElementTree.ElementTree(self.junit())
        ElementTree.indent(tree)
        tree.write(junit, encoding="utf-8", xml_declaration=True)
        told.write_text(json.dumps(self.json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return junit, told

    def json(self) -> dict[str, object]:
        counts = Counter(outcome.status for outcome in self.outcomes)
        return {
            "run": self.run,
            "target": self.target,
            "started": self.started.isoformat(),
            "seconds": round(self.seconds, 3),
            "interrupted": self.interrupted,
            "passed": not (self.failed or self.interrupted),
            "counts": {status.value: counts[status] for status in Status},
            "checks": [asdict(outcome) for outcome in self.outcomes],
        }

    def junit(self) -> ElementTree.Element:
        """A test case a check: what neither passed nor failed counts as skipped, with the reason."""
        skipped = sum(outcome.status not in (Status.PASSED, Status.FAILED) for outcome in self.outcomes)
        suite = ElementTree.Element(
            "testsuite",
            name=_plain(f"validation of {self.target}"),
            tests=str(len(self.outcomes)),
            failures=str(self.failed),
            errors="0",
            skipped=str(skipped),
            time=f"{self.seconds:.3f}",
            timestamp=self.started.strftime("%Y-%m-%dT%H:%M:%S"),
        )
        for outcome in self.outcomes:
            suite.append(_case(outcome))
        root = ElementTree.Element("testsuites")
        root.append(suite)
        return root


def _case(outcome: Outcome) -> ElementTree.Element:
    where = ".".join(filter(None, (outcome.region, outcome.company)))
    case = ElementTree.Element(
        "testcase",
        classname=_plain(f"{outcome.area}.{where}"),
        name=_plain(outcome.check),
        time=f"{outcome.seconds:.3f}",
    )
    if outcome.status is Status.FAILED:
        failure = ElementTree.SubElement(case, "failure", message=_plain(outcome.detail))
        failure.text = _plain(f"cause: {outcome.detail}\nlook at: {outcome.look}")
    elif outcome.status is Status.PASSED:
        ElementTree.SubElement(case, "system-out").text = _plain(outcome.detail)
    else:
        ElementTree.SubElement(case, "skipped", message=_plain(f"{outcome.status}: {outcome.detail}"))
    return case


def _plain(text: str) -> str:
    return text.translate(NO_XML)
