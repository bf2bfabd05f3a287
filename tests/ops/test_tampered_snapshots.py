"""The page docs/tampered-copies.md, followed command by command: real gate, real rclone, an S3 that keeps
versions."""

from __future__ import annotations

import re
import shlex
import time
from datetime import UTC, datetime

import pytest

from ops.__main__ import main
from ops.errors import DONE, NOTHING_FOUND
from runtime.gate.storage.keys import CHECKPOINTS
from tests.gate.process.pod import NAMESPACE, REGION, Pod
from tests.ops.snapshots import Snapshots
from tests.ops.test_with_a_gate import GRAPH, PREFIX, TABLE, checkpoints, memory, uploaded, write
from tests.recording import ROOT
from tests.services import until

PAGE = (ROOT / "docs" / "tampered-copies.md").read_text()
COMMANDS = re.findall(r"^ *\S*python -m ops (.+)$", PAGE, re.MULTILINE)
STEPS = ("", "--at", "--versions-at", "", "validate")


def follow(stack: Snapshots, command: str, before: str) -> int:
    """A command of the page, for this stack, region and time."""
    words = shlex.split(command)
    values = {"--stack": ("--config", str(stack.file)), "--company": ("--company", NAMESPACE)}
    values |= {"--region": ("--region", REGION), "--at": ("--at", before)}
    values |= {"--versions-at": ("--versions-at", before)}
    pairs = [values[words[each]] for each in range(1, len(words), 2)]
    return main([words[0], *(word for pair in pairs for word in pair), "--yes"])


def attack(stack: Snapshots, pod: Pod) -> None:
    """Zeros of the same size, deletions, a forged checkpoint, and a spoiled volume."""
    client, bucket = stack.s3.client(region=REGION), stack.s3.buckets[REGION]
    ids = [checkpoint.id for checkpoint in checkpoints(stack)]
    for number, (key, size) in enumerate(sorted(stack.s3.keys(REGION, PREFIX).items())):
        if number % 2:
            client.put_object(Bucket=bucket, Key=key, Body=bytes(size))
        else:
            client.delete_object(Bucket=bucket, Key=key)
    forged = f"{PREFIX}/{CHECKPOINTS}/{ids[-1].generation:06d}-9999999999999.json"
    client.put_object(Bucket=bucket, Key=forged, Body=b"{}")
    for path in (pod.volume / "acme").rglob("*"):
        if path.is_file():
            path.write_bytes(b"spoiled" * 100)


def test_every_command_of_the_page_is_followed() -> None:
    for step, command in zip(STEPS, COMMANDS, strict=True):
        assert step in command


def test_the_page_leads_from_damaged_snapshots_back_to_the_memory(
    pod: Pod, stack: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    passed = [0.0]
    stack.s3.clock.now = lambda: time.time() + passed[0]
    write(pod, graph='{"then": 1}', one="1" * 3000, two="2" * 3000)
    pod.start()
    uploaded(stack, pod)
    honest = memory(pod)
    pod.close()
    passed[0] += 60
    before = datetime.fromtimestamp(stack.s3.clock.now(), UTC).isoformat(timespec="seconds")
    passed[0] += 60
    attack(stack, pod)
    pod.health.start()
    pod.start()
    until(lambda: pod.metric("agency_ignored_checkpoints", bucket=REGION, writer=REGION) == 1, "an alarm")

    listed, at_time, versions, again, _ = COMMANDS
    capsys.readouterr()
    follow(stack, listed, before)
    assert "refused: its name cannot be true" in capsys.readouterr().out
    assert follow(stack, at_time, before) == NOTHING_FOUND
    assert follow(stack, versions, before) == DONE
    assert memory(pod) == honest
    assert "will be copied from their old versions" in capsys.readouterr().out
    assert follow(stack, again, before) == DONE
    until(lambda: pod.ready(), "it serves again")
    # The collector tries again an hour after it met a damaged checkpoint.
    until(lambda: all("could not be deleted" in each for each in pod.says()["problems"]), "all is well")


def test_a_gate_reports_overwritten_objects_and_uploads_them_again(pod: Pod, stack: Snapshots) -> None:
    write(pod, graph="{}", one="1" * 3000)
    pod.start()
    newest = uploaded(stack, pod)
    pod.close()
    client, bucket = stack.s3.client(region=REGION), stack.s3.buckets[REGION]
    key = f"{PREFIX}/data/{TABLE}/data/one.lance"
    client.put_object(Bucket=bucket, Key=key, Body=bytes(3000))
    pod.health.start()
    pod.start()
    until(lambda: pod.metric("agency_damaged_objects_total") == 1, "the alarm")
    (problem,) = pod.says()["problems"]

    assert "one.lance) had other content in the bucket than was uploaded; 1 were uploaded again" in problem
    assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == b"1" * 3000
    assert [event["reason"] for event in pod.events()].count("CopiesDamaged") == 1
    assert checkpoints(stack)[-1].id == newest
    assert (pod.volume / GRAPH).exists()
