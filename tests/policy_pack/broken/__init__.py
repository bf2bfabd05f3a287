"""Changes of single resources that break a promise of the platform: the pack reports each."""

from __future__ import annotations

from tests.policy_pack.broken import api, buckets, networks, pods, publishing, rest, roles, secrets, workloads

BROKEN = {
    **roles.BROKEN,
    **buckets.BROKEN,
    **networks.BROKEN,
    **api.BROKEN,
    **pods.BROKEN,
    **publishing.BROKEN,
    **secrets.BROKEN,
    **rest.BROKEN,
    **workloads.BROKEN,
}
