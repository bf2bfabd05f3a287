"""A company's pods cannot read another company's prefix in a bucket.

Where AWS evaluates policies, that is tried: with rclone and the pod's own credentials, in its gate. An
emulator evaluates none; there the suite evaluates the role's policies as deployed.
"""

from __future__ import annotations

from collections.abc import Iterator

from ops.probing.containers import BRAIN
from ops.probing.failure import Failure
from ops.validation import role_policies
from ops.validation.pod_target import PodTarget
from ops.validation.results import Verdict, not_applicable, passed
from ops.validation.run import Run, shown

REFUSED = ("StatusCode: 403", "AccessDenied", "Forbidden")

Request = dict[str, str]
"""As `in_pod/bucket.py` takes it."""


def check(run: Run, target: PodTarget) -> Verdict:
    others = list({other.namespace: other for other in run.others(target)}.values())
    if target.store(BRAIN) is None:
        return not_applicable("replication is off")
    if not others:
        return not_applicable("no other company was chosen")
    if target.aws.local:
        return role_policies.evaluate(target, others)
    attempts = sum(_try(target, other) for other in others)
    return passed(f"judged by {attempts} attempts with the pod's own credentials: all refused")


def _try(target: PodTarget, other: PodTarget) -> int:
    """The number of refused attempts. Raises Failure for an attempt that was not refused."""
    own = _listing(target, target.region, target.region, f"{target.namespace}/{BRAIN}")
    foreign = list(_foreign(target, other))
    endpoint = target.stack.settings.replication.endpoint
    results = target.brain.run("bucket", {"asked": [own, *foreign], "endpoint": endpoint})
    (code, output), *rest = results
    if code != 0:
        raise target.brain.failure(
            f"{target.name} cannot list its own prefix, so refusals of others would prove nothing:"
            f" {shown(output)}",
        )
    for request, (code, output) in zip(foreign, rest, strict=True):
        url = f"s3://{request['bucket']}/{request['key']}"
        if code == 0:
            raise Failure(
                f"a company can read another's snapshots: {target.name} may {request['do']} {url} of"
                f" {other.company}",
                f"the role of brain-{target.region} (plan/iam.py, gate_access), and the bucket's policy",
            )
        if not any(sign in output for sign in REFUSED):
            raise target.brain.failure(
                f"whether {target.name} may {request['do']} {url} cannot be judged: {shown(output)}",
            )
    return len(foreign)


def _foreign(target: PodTarget, other: PodTarget) -> Iterator[Request]:
    """Every prefix of the other company in every bucket of the stack, and an object that is there."""
    for bucket in target.stack.regions:
        for writer in target.stack.regions:
            yield _listing(target, bucket, writer, other.namespace)
            yield _listing(target, bucket, writer, f"{other.namespace}/{BRAIN}")
    store = other.store(BRAIN)
    if store is not None and (newest := store.newest()) is not None:
        key = f"{store.memory.prefix}/{newest.key}"
        yield {"do": "read", "region": other.region, "bucket": store.memory.bucket, "key": key}


def _listing(target: PodTarget, bucket: str, writer: str, folder: str) -> Request:
    name = target.stack.bucket(bucket)
    return {"do": "list", "region": bucket, "bucket": name, "key": f"{writer}/{folder}/"}
