"""AWS's limits that a stack can reach, with their sources. They are checked when the stack is planned.

All are the defaults of a new account. A quota request can raise those marked adjustable; a stack beyond them
is better divided.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limit:
    what: str
    most: int
    source: str


TARGET_GROUPS_PER_ALB = Limit(
    what="target groups of a load balancer",
    most=100,
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html",
)
RULES_PER_ALB = Limit(
    what="listener rules of a load balancer (adjustable)",
    most=100,
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html",
)
RECORDS_PER_ZONE = Limit(
    what="records of a hosted zone (adjustable)",
    most=10_000,
    source="https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html",
)
HEALTH_CHECKS = Limit(
    what="Route53 health checks of an account (adjustable)",
    most=200,
    source="https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html",
)
ACCELERATORS = Limit(
    what="accelerators of an account (adjustable)",
    most=20,
    source="https://docs.aws.amazon.com/global-accelerator/latest/dg/limits-global-accelerator.html",
)
REPLICATION_RULES_PER_BUCKET = Limit(
    what="replication rules of a bucket",
    most=1_000,
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html",
)
ROLES = Limit(
    what="IAM roles of an account (adjustable)",
    most=1_000,
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
)
ROLE_INLINE_POLICIES = Limit(
    what="characters in a role's inline policies, white space aside",
    most=10_240,
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
)
MANAGED_POLICY = Limit(
    what="characters in a managed policy, white space aside",
    most=6_144,
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
)
BUCKET_POLICY = Limit(
    what="bytes in a bucket's policy",
    most=20_480,
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html",
)
POD_IDENTITY_ASSOCIATIONS = Limit(
    what="Pod Identity associations of a cluster",
    most=5_000,
    source="https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html",
)

EDGE_RULES = 2
"""Listener rules of the edge itself: /healthz and /peer."""

EDGE_TARGET_GROUPS = 1
"""Target groups of the edge itself: the failover controller's."""

COMPANIES_PER_EDGE = min(RULES_PER_ALB.most - EDGE_RULES, TARGET_GROUPS_PER_ALB.most - EDGE_TARGET_GROUPS)
"""A company needs one rule (its host) and one target group (its Agent's Service) of its edge."""
