"""A company's pods cannot read what the buckets hold of another.

Where AWS evaluates policies, that is tried: with rclone and the pod's own credentials, in its gate. An
emulator evaluates none; there the role's policies, as they are deployed, are judged by the rules of IAM.
"""

from __future__ import annotations

from collections.abc import Iterator

from ops.memory import BRAIN
from ops.validation import role_policies
from ops.validation.checkpoints import newest
from ops.validation.pod_sites import PodSite
from ops.validation.run import Run, shown, who
from ops.validation.verdicts import Failure, Verdict, not_applicable, passed

REFUSED = ("StatusCode: 403", "AccessDenied", "Forbidden")

Asked = dict[str, str]


def judge(run: Run, site: PodSite) -> Verdict:
    others = list({one.namespace: one for one in run.others(site) if isinstance(one, PodSite)}.values())
    if site.vault(BRAIN) is None:
        return not_applicable("replication is off")
    if not others:
        return not_applicable("no other company was chosen")
    if site.aws.local:
        return role_policies.judge(site, others)
    tried = sum(_try(site, other) for other in others)
    return passed(f"judged by {tried} attempts with the pod's own credentials: all refused")


def _try(site: PodSite, other: PodSite) -> int:
    """How often the other's prefixes were refused. Raises Failure when they were not."""
    own = _listing(site, site.region, site.region, site.namespace)
    attempts = [own, *_attempts(site, other)]
    endpoint = site.stack.settings.replication.endpoint
    results = site.in_gate(BRAIN, "bucket", {"asked": attempts, "endpoint": endpoint})
    if results[0][0] != 0:
        raise Failure(
            f"{who(site)} cannot list its own prefix, so that others are refused would say nothing:"
            f" {shown(results[0][1])}",
            site.look_at_gate(BRAIN),
        )
    for asked, (code, said) in zip(attempts[1:], results[1:], strict=True):
        where = f"s3://{asked['bucket']}/{asked['key']}"
        if code == 0:
            raise Failure(
                f"a company reads another's copies: {who(site)} may {asked['do']} {where} of {other.company}",
                f"the role of brain-{site.region} (plan/iam.py, replica_access), and the bucket's policy",
            )
        if not any(sign in said for sign in REFUSED):
            raise Failure(
                f"whether {who(site)} may {asked['do']} {where} cannot be judged: {shown(said)}",
                site.look_at_gate(BRAIN),
            )
    return len(attempts) - 1


def _attempts(site: PodSite, other: PodSite) -> Iterator[Asked]:
    """Every prefix of the other company in every bucket of the stack, and an object that is there."""
    for bucket in site.stack.regions:
        for writer in site.stack.regions:
            yield _listing(site, bucket, writer, other.namespace)
    vault = other.vault(BRAIN)
    if vault is not None and (checkpoint := newest(other, vault)) is not None:
        key = f"{vault.memory.prefix}/{checkpoint.id.key}"
        yield {"do": "read", "region": other.region, "bucket": vault.memory.bucket, "key": key}


def _listing(site: PodSite, bucket: str, writer: str, namespace: str) -> Asked:
    name = site.stack.bucket(bucket)
    return {"do": "list", "region": bucket, "bucket": name, "key": f"{writer}/{namespace}/"}
