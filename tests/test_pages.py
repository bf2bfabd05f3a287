"""Every page: its commands parse, its links have targets, its metrics and make targets exist."""

from __future__ import annotations

import re
import shlex
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from ops.__main__ import parser
from tests.recording import ROOT, record_file

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TEXTS = {page: page.read_text() for page in PAGES}
RUNBOOK = TEXTS[ROOT / "docs" / "runbook.md"]
COMMAND = re.compile(r"^[ ]*\S*python -m ops (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_command_on_a_page_parses(page: Path) -> None:
    for line in COMMAND.findall(TEXTS[page]):
        parser().parse_args(shlex.split(line, comments=True))


def test_every_command_is_on_a_page_or_behind_make() -> None:
    (commands,) = (action.choices for action in parser()._actions if action.choices)
    texts = "".join([*TEXTS.values(), (ROOT / "Makefile").read_text()])
    assert set(re.findall(r"-m ops ([a-z-]+)", texts)) == set(commands)


@pytest.mark.parametrize(
    ("page", "commands"),
    {
        "README.md": {"restore", "accept-shrink", "backfill", "import-values", "doctor"},
        "docs/failover.md": {"restore", "accept-shrink", "backfill"},
        "docs/proofs.md": {"validate", "drill"},
    }.items(),
)
def test_a_page_shows_the_commands_that_it_explains(page: str, commands: set[str]) -> None:
    assert {line.split()[0] for line in COMMAND.findall(TEXTS[ROOT / page])} >= commands


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_has_a_target(page: Path) -> None:
    for link in LINK.findall(TEXTS[page]):
        if re.match(r"https?://|\{\{", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_target_of_make_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^ *make ([a-z-]+)", TEXTS[page], re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_metric_is_one_of_the_programs(page: Path) -> None:
    sources = "".join(file.read_text() for file in (ROOT / "runtime").rglob("*.py"))
    sources = sources.replace("{PREFIX}", "agency_controller")
    for metric in set(re.findall(r"agency_\w+", TEXTS[page])):
        assert f'"{metric}"' in sources, metric


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_file_of_this_repository_exists(page: Path) -> None:
    named = re.findall(r"`([a-z_]+/[\w./-]*\w)(?:::\w+)?`", TEXTS[page])
    folders = {file.name for file in ROOT.iterdir() if file.is_dir()}
    missing = [path for path in named if path.partition("/")[0] in folders and not (ROOT / path).exists()]
    assert not [path for path in missing if not (ROOT / "runtime" / path).exists()]


def test_the_runbook_excludes_every_resource_of_a_cluster_that_is_down_and_no_other() -> None:
    patterns = re.findall(r"--exclude '([^']+)'", RUNBOOK)
    cluster = "eks-eu-west-1-prod-blue"
    resources = record_file(ROOT / "Pulumi.prod.yaml").by_urn
    objects = {urn: it for urn, it in resources.items() if it.type.startswith("kubernetes:")}
    within = {urn for urn, it in objects.items() if f"::{cluster}-" in it.provider}
    excluded = {urn for urn in objects if any(fnmatchcase(urn, pattern) for pattern in patterns)}
    assert within and excluded == within
