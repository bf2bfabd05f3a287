"""A stack file and checkpoints in its buckets, as gates would have left them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.__main__ import main
from runtime.gate.snapshot.checkpoint import Checkpoint, CheckpointRef, StoredFile
from runtime.gate.snapshot.checkpoint_changes import dump_changes
from runtime.gate.storage.keys import CheckpointId
from tests.components.stacks import IMAGE, ZONE
from tests.s3 import REGIONS, S3Service

US, EU, ASIA = REGIONS
COMPANIES = ("acme", "Globex_Corp")


def at(text: str) -> int:
    """A time of the day of all these tests, in milliseconds."""
    moment = datetime.fromisoformat(f"2026-11-23T{text}").replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def id_of(generation: int, time: str) -> CheckpointId:
    return CheckpointId(generation=generation, at=at(time))


def stack_file(folder: Path, stack: str, **settings: Any) -> Path:
    """Of three regions and two companies, unless `settings` say otherwise."""
    regions = [one if isinstance(one, dict) else {"name": one} for one in settings.pop("regions", REGIONS)]
    policy = {"loadBalancing": {"policy": settings.pop("policy", "failover")}}
    settings = {
        "domain": "agency.test",
        "hostedZoneId": ZONE,
        "images": {"agency": IMAGE},
        "regions": [{"cluster": {"eks": "blue"}, **region} for region in regions],
        "companies": list(COMPANIES),
        **policy,
        **settings,
    }
    file = folder / f"Pulumi.{stack}.yaml"
    file.write_text(
        json.dumps({"config": {f"digital-agency:{key}": value for key, value in settings.items()}})
    )
    return file


@dataclass
class Snapshots:
    """Buckets of a stack in the test S3, and the stack file that they belong to."""

    s3: S3Service
    folder: Path
    policy: str = "failover"
    regions: list[Any] = field(default_factory=lambda: list(REGIONS))
    companies: list[Any] = field(default_factory=lambda: list(COMPANIES))

    @property
    def file(self) -> Path:
        """Its names are the service's: agency-test-<stack>-<region>."""
        stack = self.s3.buckets[US].removeprefix("agency-test-").removesuffix(f"-{US}")
        return stack_file(
            self.folder, stack, policy=self.policy, regions=self.regions, companies=self.companies
        )

    def requests(self) -> list[str]:
        """Where gates look for requests: in their own region's bucket below its prefix."""
        return [key for region in self.s3.buckets for key in self.s3.keys(region, region) if "_orders" in key]

    def put(
        self,
        writer: str,
        id: CheckpointId,
        files: Mapping[str, str],
        *,
        bucket: str | None = None,
        prefix: str = "acme/brain",
        base: CheckpointRef | None = None,
        lost: tuple[str, ...] = (),
        since: Checkpoint | None = None,
    ) -> Checkpoint:
        """A checkpoint of `files` (path to content) in a region's bucket, default its writer's, stored at
        its time, perhaps as what changed `since` another one.

        Of the paths in `lost` the objects are not there.
        """
        self.s3.clock.now = lambda: id.at / 1000
        digests = {path: hashlib.sha256(content.encode()).hexdigest() for path, content in files.items()}
        made = Checkpoint(
            region=writer,
            id=id,
            base=base,
            files={
                path: StoredFile(
                    key=f"objects/{digests[path]}", size=len(content.encode()), sha256=digests[path]
                )
                for path, content in files.items()
            },
        )
        for path, content in files.items():
            if path not in lost:
                self._put(bucket or writer, f"{writer}/{prefix}/{made.files[path].key}", content)
        made = replace(made, since=since and since.id)
        content = dump_changes(made, since.id, {*made.files, *since.files}) if since else made.dump()
        self._put(bucket or writer, f"{writer}/{prefix}/{made.name.key}", content)
        self.s3.clock.now = time.time
        return made

    def _put(self, region: str, key: str, content: str) -> None:
        self.s3.client(region=region).put_object(
            Bucket=self.s3.buckets[region], Key=key, Body=content.encode()
        )

    def read(self, region: str, key: str) -> Any:
        """A JSON object of a region's bucket."""
        found = self.s3.client(region=region).get_object(Bucket=self.s3.buckets[region], Key=key)
        return json.loads(found["Body"].read())


def restore(snapshots: Snapshots, *more: str, company: str = "acme") -> int:
    return main(["restore", "--config", str(snapshots.file), "--company", company, *more])
