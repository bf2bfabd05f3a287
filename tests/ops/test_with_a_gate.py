"""Requests of `python -m ops`, carried out by a real gate with real rclone on a volume."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from ops.__main__ import main
from ops.errors import DONE
from runtime.gate.snapshot.checkpoint import Checkpoint, parse_checkpoint
from runtime.gate.storage.keys import CHECKPOINTS, CheckpointId
from tests.checkpoint_names import checkpoint_ids
from tests.gate.process.pod import NAMESPACE, REGION, Pod
from tests.ops.snapshots import Snapshots
from tests.services import until

PREFIX = f"{REGION}/{NAMESPACE}/brain"
GRAPH, TABLE = "acme/graph.json", "acme/episodic/memories.lance"


def write(pod: Pod, **files: str) -> None:
    """What the application stores; names are those of files of the Lance table's `data/`, but `graph`."""
    for name, content in files.items():
        path = pod.volume / (GRAPH if name == "graph" else f"{TABLE}/data/{name}.lance")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def memory(pod: Pod) -> dict[str, str]:
    """What is on the volume, but for what was set aside."""
    found = (path for path in sorted((pod.volume / "acme").rglob("*")) if path.is_file())
    return {str(path.relative_to(pod.volume)): path.read_text() for path in found}


def checkpoints(stack: Snapshots) -> list[Checkpoint]:
    folder = f"{PREFIX}/{CHECKPOINTS}/"
    ids = checkpoint_ids(key.removeprefix(f"{PREFIX}/") for key in stack.s3.keys(REGION, folder))
    bucket, client = stack.s3.buckets[REGION], stack.s3.client(region=REGION)
    bodies = [client.get_object(Bucket=bucket, Key=f"{PREFIX}/{id.key}")["Body"].read() for id in ids]
    return [parse_checkpoint(body, id) for id, body in zip(ids, bodies, strict=True)]


def uploaded(stack: Snapshots, pod: Pod) -> CheckpointId:
    """Wait until what is on the volume is in the newest checkpoint; returns it."""

    def sizes() -> dict[str, int]:
        return {path: len(content) for path, content in memory(pod).items()}

    def newest() -> dict[str, int]:
        made = checkpoints(stack)
        return {path: file.size for path, file in made[-1].files.items()} if made else {}

    until(lambda: newest() == sizes(), "the volume is uploaded")
    return checkpoints(stack)[-1].id


def when(id: CheckpointId) -> str:
    """As `--at` takes it."""
    return datetime.fromtimestamp(id.at / 1000, UTC).isoformat(timespec="milliseconds")


def ops(stack: Snapshots, command: str, *more: str) -> int:
    return main([command, "--config", str(stack.file), "--company", "acme", "--yes", *more])


def aside(pod: Pod) -> dict[str, str]:
    found = (path for path in (pod.volume / "diverged").rglob("*") if path.is_file())
    return {str(path.relative_to(pod.volume)).split("/", 2)[2]: path.read_text() for path in found}


def test_a_point_in_time_is_the_memory_again_and_what_came_after_is_set_aside(
    pod: Pod, stack: Snapshots, record_property: Any
) -> None:
    write(pod, graph='{"then": 1}', one="1")
    pod.start()
    then = uploaded(stack, pod)
    before = memory(pod)
    write(pod, graph='{"now": 12}', two="22")
    newest = uploaded(stack, pod)

    began = time.monotonic()
    assert ops(stack, "restore", "--at", when(then)) == DONE
    record_property("order_to_copy_seconds", round(time.monotonic() - began, 1))

    assert memory(pod) == before
    assert aside(pod)[f"{TABLE}/data/two.lance"] == "22"
    last = checkpoints(stack)[-1]
    assert last.base is not None and last.base.checkpoint == then
    assert last.id.generation > newest.generation, "or the other regions would not follow"
    until(lambda: pod.ready(), "it serves again")
    prefix = f"{PREFIX}/diverged/"
    until(
        lambda: any("two.lance" in key for key in stack.s3.keys(REGION, prefix)), "it is in the bucket, too"
    )


def test_the_newest_snapshot_is_restored_over_a_volume_that_lost_it(pod: Pod, stack: Snapshots) -> None:
    write(pod, graph="{}", one="1" * 5000)
    pod.start()
    newest = uploaded(stack, pod)
    before = memory(pod)
    (pod.volume / TABLE / "data" / "one.lance").unlink()
    until(lambda: pod.metric("agency_loss_guard") == 1, "the guard holds the loss")
    assert checkpoints(stack)[-1].id == newest
    assert ops(stack, "restore", "--at", when(newest)) == DONE
    assert memory(pod) == before
    until(lambda: pod.says()["ok"], "all is well again")


def test_a_memory_that_is_there_already_can_be_restored(pod: Pod, stack: Snapshots) -> None:
    write(pod, graph="{}", one="1")
    pod.start()
    newest = uploaded(stack, pod)
    before = memory(pod)
    assert ops(stack, "restore", "--at", when(newest)) == DONE
    assert memory(pod) == before


def test_a_restore_request_is_carried_out_once(pod: Pod, stack: Snapshots) -> None:
    write(pod, graph="{}", one="1")
    pod.start()
    then = uploaded(stack, pod)
    write(pod, two="22")
    uploaded(stack, pod)
    assert ops(stack, "restore", "--at", when(then)) == DONE
    write(pod, three="333")
    uploaded(stack, pod)
    pod.close()
    pod.health.start()
    pod.start()
    write(pod, four="4444")
    uploaded(stack, pod)
    assert f"{TABLE}/data/three.lance" in memory(pod)


def test_a_standby_leaves_the_request_to_the_primary(pod: Pod, stack: Snapshots) -> None:
    write(pod, graph="{}", one="1")
    pod.start()
    then = uploaded(stack, pod)
    write(pod, two="22")
    uploaded(stack, pod)
    pod.flag(REGION)
    until(lambda: not pod.ready(), "it is flagged")
    assert ops(stack, "restore", "--at", when(then), "--no-wait") == DONE
    passes = pod.metric("agency_copy_passes_total", result="unchanged")
    until(
        lambda: pod.metric("agency_copy_passes_total", result="unchanged") > passes + 2, "rounds have passed"
    )
    assert f"{TABLE}/data/two.lance" in memory(pod)
    pod.flag()
    until(lambda: f"{TABLE}/data/two.lance" not in memory(pod), "it serves, and obeys")


def test_a_loss_that_was_intended_is_uploaded_once_it_is_accepted(pod: Pod, stack: Snapshots) -> None:
    write(pod, graph="{}", one="1" * 5000)
    pod.start()
    newest = uploaded(stack, pod)
    (pod.volume / TABLE / "data" / "one.lance").unlink()
    until(lambda: pod.metric("agency_loss_guard") == 1, "the guard holds the loss")
    assert checkpoints(stack)[-1].id == newest
    assert ops(stack, "accept-shrink") == DONE
    smaller = uploaded(stack, pod)
    assert smaller > newest
    until(lambda: pod.says()["ok"], "all is well again")

    write(pod, one="1" * 5000)
    uploaded(stack, pod)
    (pod.volume / TABLE / "data" / "one.lance").unlink()
    until(lambda: pod.metric("agency_loss_guard") == 1, "the next loss is guarded again")
