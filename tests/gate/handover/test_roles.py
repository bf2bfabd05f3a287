"""Every S3 call that following and restoring make, by the real rclone, is within the region's own role."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from runtime.gate.storage.keys import CHECKPOINTS
from tests.components.stacks import EU, US
from tests.gate.handover.flows import flag
from tests.gate.handover.gates import COMPANY, Clock, Gate
from tests.gate.handover.real import S3Buckets
from tests.s3 import S3Service

ORDER = (US, EU)


def gates_with_one_memory(s3: S3Service, rclone: Path, folder: Path, company: str) -> list[Gate]:
    s3.replication.delay = 0.0
    buckets, clock = S3Buckets(s3, rclone, folder, company), Clock()
    us, eu = (Gate(name, folder / name, buckets, clock, ORDER, namespace=company) for name in ORDER)
    us.round()
    us.write("one")
    us.round()
    eu.round()
    return [us, eu]


@pytest.mark.parametrize("s3", [ORDER], indirect=True)
@pytest.mark.parametrize(
    "company", ["brain", *(pytest.param(name, marks=pytest.mark.slow) for name in ("agent", "data"))]
)
def test_no_call_is_refused_and_none_is_on_another_companys_prefix(
    s3: S3Service, rclone: Path, tmp_path: Path, company: str
) -> None:
    """A region dies with a write of its own, the other serves, it returns and loses its volume; then an
    operator restores a checkpoint.
    """
    us, eu = gates_with_one_memory(s3, rclone, tmp_path, company)
    us.write("late")
    us.upload()
    flag(US, us, eu)
    s3.replication.pause()
    eu.round(2)
    eu.write("two")
    eu.round()
    s3.replication.resume()
    us.flags = eu.flags = frozenset()
    us.start()
    us.round(3)
    shutil.rmtree(us.root)
    us.root.mkdir()
    us.start()
    us.round(2)
    below = f"{US}/{company}/brain/"
    first = min(s3.keys(US, f"{below}{CHECKPOINTS}/")).rpartition("/")[2].removesuffix(".json")
    request = json.dumps({"order": "1", "region": US, "checkpoint": first}).encode()
    s3.client().put_object(Bucket=s3.buckets[US], Key=f"{below}_orders/restore.json", Body=request)
    us.round(2)

    assert us.memory == {"one"}
    assert us.messages("Restored") and s3.keys(US, f"{below}diverged/")
    assert s3.refused == []
    calls = [call for call in s3.calls if call.principal.startswith("sidecar-")]
    assert {call.principal for call in calls} == {f"sidecar-{name}-{company}" for name in ORDER}
    prefixes = tuple(f"{name}/{company}/brain/" for name in ORDER)
    assert all((call.key or call.query.get("prefix", "")).startswith(prefixes) for call in calls)


@pytest.mark.parametrize("s3", [ORDER], indirect=True)
def test_promoted_with_the_other_regions_bucket_cut_off_it_serves_and_catches_up_when_it_is_back(
    s3: S3Service, rclone: Path, tmp_path: Path
) -> None:
    us, eu = gates_with_one_memory(s3, rclone, tmp_path, COMPANY)
    s3.cut(US)
    flag(US, us, eu)
    eu.round(2)

    assert eu.ready and eu.memory == {"one"}
    eu.write("two")
    assert eu.upload()
    s3.heal(US)
    us.flags = eu.flags = frozenset()
    eu.round()
    us.round(3)
    assert us.ready and us.memory == {"one", "two"}
