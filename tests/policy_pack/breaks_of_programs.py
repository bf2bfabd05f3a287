"""Breaks of the policies about programs, snapshots and health checks."""

from __future__ import annotations

from tests.policy_pack.broken import buckets, publishing, secrets
from tests.policy_pack.broken.workloads import CONFIGS, PROGRAMS, WORKLOADS
from tests.policy_pack.edits import Change

OF_PROGRAMS: dict[str, list[tuple[str, Change]]] = {
    "workloads-run-their-programs": [
        ("its command is not", PROGRAMS["program: it sleeps"]),
        ("its key LD_PRELOAD changes how a process is loaded", secrets.BROKEN["secret: another library"]),
    ],
    "volumes-are-restored": [("nothing restores its volume", PROGRAMS["program: restore is gone"])],
    "services-lead-to-their-pods": [
        ("leads to 3010", WORKLOADS["service: the Brain's leads to the gate"]),
    ],
    "programs-match-their-digest": [
        ("it flags regions", CONFIGS["config: flags from the start"]),
    ],
    "annotations-of-controllers-are-known": [
        ("kubernetes.io/ingress.class is set", WORKLOADS["ingress: another controller"]),
    ],
    "snapshots-outlive-their-gates": [
        ("it denies", buckets.BROKEN["bucket: nothing is read"]),
    ],
    "health-checks-are-fast": [("its requestInterval is 30", publishing.BROKEN["dns: a slow check"])],
    "health-checks-ask-load-balancers": [
        ("it asks example.com", publishing.BROKEN["dns: a check of another host"]),
    ],
}
"""By policy: a part of the message, and the change that breaks the policy."""
