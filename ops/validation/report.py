"""The reports of a run: JUnit for CI, and JSON with everything."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

from ops.validation.results import Outcome, Status

NO_XML = {
    code: None for code in (*range(32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF) if chr(code) not in "\t\n\r"
}
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
    def counts(self) -> dict[str, int]:
        """How many outcomes each status has."""
        counts = Counter(outcome.status for outcome in self.outcomes)
        return {status.value: counts[status] for status in Status}

    @property
    def failed(self) -> int:
        return self.counts[Status.FAILED]

    @property
    def summary(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in self.counts.items() if count)
        return f"{counts or 'nothing was checked'} in {self.seconds:.0f} s"

    def write(self, folder: Path) -> tuple[Path, Path]:
        """JUnit and JSON, named by the time at which the run started."""
        folder.mkdir(parents=True, exist_ok=True)
        stem = self.started.strftime("%Y-%m-%dT%H-%M-%SZ")
        junit, json_file = folder / f"{stem}.xml", folder / f"{stem}.json"
        tree = ElementTree.ElementTree(self.junit())
        ElementTree.indent(tree)
        tree.write(junit, encoding="utf-8", xml_declaration=True)
        json_file.write_text(json.dumps(self.json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return junit, json_file

    def json(self) -> dict[str, object]:
        return {
            "run": self.run,
            "target": self.target,
            "started": self.started.isoformat(),
            "seconds": round(self.seconds, 3),
            "interrupted": self.interrupted,
            "passed": not (self.failed or self.interrupted),
            "counts": self.counts,
            "checks": [asdict(outcome) for outcome in self.outcomes],
        }

    def junit(self) -> ElementTree.Element:
        """A test case for each check; a check that neither passed nor failed is skipped, with the reason."""
        root = ElementTree.Element("testsuites")
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=_xml(f"validation of {self.target}"),
            tests=str(len(self.outcomes)),
            failures=str(self.failed),
            errors="0",
            skipped=str(len(self.outcomes) - self.counts[Status.PASSED] - self.failed),
            time=f"{self.seconds:.3f}",
            timestamp=self.started.strftime("%Y-%m-%dT%H:%M:%S"),
        )
        for outcome in self.outcomes:
            where = ".".join(filter(None, (outcome.area, outcome.region, outcome.company)))
            attributes = {"classname": _xml(where), "name": outcome.check, "time": f"{outcome.seconds:.3f}"}
            _add_result(ElementTree.SubElement(suite, "testcase", attributes), outcome)
        return root


def _add_result(case: ElementTree.Element, outcome: Outcome) -> None:
    detail = _xml(outcome.detail)
    if outcome.status is Status.FAILED:
        failure = ElementTree.SubElement(case, "failure", message=detail)
        failure.text = _xml(f"cause: {outcome.detail}\nlook at: {outcome.look}")
    elif outcome.status is Status.PASSED:
        ElementTree.SubElement(case, "system-out").text = detail
    else:
        ElementTree.SubElement(case, "skipped", message=f"{outcome.status}: {detail}")


def _xml(text: str) -> str:
    return text.translate(NO_XML)
