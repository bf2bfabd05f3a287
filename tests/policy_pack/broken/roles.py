"""Rights and trust of roles that break a promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.policy_pack.changes import Registrations, inputs
from tests.policy_pack.edits import (
    BUCKET_ARN,
    Change,
    another,
    gone,
    rights,
    statements,
    trust,
)
from tests.recording import ASSOCIATION, ROLE, ROLE_POLICY, SERVICE_ACCOUNT


def of_one_component(part: str) -> Change:
    """The role of a region is for Agents alone, and writes a part of their files."""

    def act(registrations: Registrations) -> None:
        trust(
            lambda own: own["Condition"]["StringEquals"].update(
                {"aws:RequestTag/kubernetes-service-account": ["agent-us-east-1"]}
            )
        )(registrations)
        own = "us-east-1/${aws:PrincipalTag/kubernetes-namespace}"
        statements(
            ROLE_POLICY,
            "policy",
            "us-east-1-sidecars",
            lambda found: found[0].update(Resource=[f"{BUCKET_ARN}/{own}/{part}"]),
        )(registrations)

    return act


def narrowed(change: Callable[[list[Any]], Any], name: str = "us-east-1-brain-access") -> Change:
    """A change of the rights of a role of gates."""
    return statements(ROLE_POLICY, "policy", name, change)


def replicating(change: Callable[[list[Any]], Any]) -> Change:
    """A change of the rights of S3's role of replication."""
    return narrowed(change, "replication-policy")


BROKEN: dict[str, Change] = {
    "rights: nothing is copied": narrowed(lambda own: own.pop(0)),
    "rights: nothing is restored": narrowed(lambda own: own.pop(1)),
    "rights: nothing is listed": narrowed(lambda own: own.pop(2)),
    "rights: one part is not copied": narrowed(lambda own: own[0]["Resource"].pop()),
    "rights: nothing old is deleted": narrowed(lambda own: own[0]["Action"].remove("s3:DeleteObject")),
    "rights: one region is not read": narrowed(lambda own: own[1]["Resource"].pop()),
    "rights: from some addresses": narrowed(
        lambda own: own[0].update(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    ),
    "rights: denied": narrowed(
        lambda own: own.append({"Effect": "Deny", "Action": ["s3:PutObject"], "Resource": ["*"]})
    ),
    "rights: none": gone(ROLE_POLICY, "us-east-1-brain-access"),
    "identity: another cluster": inputs(ASSOCIATION, lambda props: props.update(clusterName="other")),
    "rights: the whole bucket": rights(Action=["s3:GetObject"], Resource=[f"{BUCKET_ARN}/*"]),
    "rights: list the whole bucket": rights(Action=["s3:ListBucket"], Resource=[BUCKET_ARN]),
    "rights: list every prefix": rights(
        Action=["s3:ListBucket"],
        Resource=[BUCKET_ARN],
        Condition={"StringLike": {"s3:prefix": ["us-east-1/*"]}},
    ),
    "rights: another company": rights(Action="s3:GetObject", Resource=f"{BUCKET_ARN}/us-east-1/globex/*"),
    "rights: a region for all companies": rights(Action="s3:PutObject", Resource=f"{BUCKET_ARN}/us-east-1/*"),
    "rights: another region's prefix": rights(
        Action="s3:PutObject",
        Resource=f"{BUCKET_ARN}/eu-west-1/${{aws:PrincipalTag/kubernetes-namespace}}/*",
    ),
    "rights: versions are deleted": rights(
        Action="s3:DeleteObjectVersion",
        Resource=f"{BUCKET_ARN}/us-east-1/${{aws:PrincipalTag/kubernetes-namespace}}/*",
    ),
    "rights: the bucket's policy": rights(Action="s3:PutBucketPolicy", Resource=BUCKET_ARN),
    "rights: the bucket's lifecycle": rights(Action=["s3:PutLifecycleConfiguration"], Resource=[BUCKET_ARN]),
    "rights: past the lock": rights(
        Action=["s3:BypassGovernanceRetention"],
        Resource=[f"{BUCKET_ARN}/us-east-1/${{aws:PrincipalTag/kubernetes-namespace}}/*"],
    ),
    "rights: a foreign bucket": rights(
        Action=["s3:PutObject"],
        Resource=["arn:aws:s3:::elsewhere/us-east-1/${aws:PrincipalTag/kubernetes-namespace}/*"],
    ),
    "rights: another role": rights(Action="sts:AssumeRole", Resource="arn:aws:iam::123456789012:role/admin"),
    "rights: all but some": rights(NotAction=["s3:ListBucket"], Resource=[f"{BUCKET_ARN}/us-east-1/acme/*"]),
    "rights: a tag that the pod chooses": rights(
        Action=["s3:GetObject"], Resource=[f"{BUCKET_ARN}/us-east-1/${{aws:PrincipalTag/company}}/*"]
    ),
    "rights: replication writes everywhere": rights(
        "replication-policy", Action=["s3:ReplicateObject"], Resource=[f"{BUCKET_ARN}/us-east-1/*"]
    ),
    "rights: replication reads another bucket": rights(
        "replication-policy",
        Action=["s3:GetObjectVersionForReplication"],
        Resource=["arn:aws:s3:::elsewhere/us-east-1/*"],
    ),
    "rights: replication reads no configuration": replicating(lambda own: own.pop(0)),
    "rights: replication reads nothing": replicating(lambda own: own.pop(1)),
    "rights: replication writes nothing": replicating(lambda own: own.pop(2)),
    "rights: replication reports nothing": replicating(lambda own: own.pop(3)),
    "rights: replication without versions": replicating(
        lambda own: own[1]["Action"].remove("s3:GetObjectVersionForReplication")
    ),
    "rights: replication of one region less": replicating(lambda own: own[1]["Resource"].pop()),
    "rights: replication to one region less": replicating(lambda own: own[2]["Resource"].pop()),
    "rights: managed policies": inputs(
        ROLE,
        lambda props: props.update(managedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]),
    ),
    "rights: an inline policy": inputs(
        ROLE, lambda props: props.update(inlinePolicies=[{"name": "more", "policy": "{}"}])
    ),
    "rights: a policy is attached": another(
        ROLE_POLICY,
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        lambda props: props.update(policyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess"),
    ),
    "rights: an access key": another(
        ROLE, "aws:iam/accessKey:AccessKey", lambda props: props.update(user="someone")
    ),
    "trust: another account": trust(
        lambda own: own.update(Principal={"AWS": "arn:aws:iam::999999999999:root"})
    ),
    "trust: everybody": trust(lambda own: own.update(Principal={"AWS": "*"})),
    "trust: another service": trust(lambda own: own.update(Principal={"Service": "lambda.amazonaws.com"})),
    "trust: one more service": trust(
        lambda own: own.update(Principal={"Service": ["pods.eks.amazonaws.com", "ec2.amazonaws.com"]})
    ),
    "trust: any service account": trust(lambda own: own.pop("Condition")),
    "trust: another service account": trust(
        lambda own: own["Condition"]["StringEquals"].update(
            {"aws:RequestTag/kubernetes-service-account": ["default"]}
        )
    ),
    "trust: service accounts by pattern": trust(
        lambda own: own.update(
            Condition={"StringLike": {"aws:RequestTag/kubernetes-service-account": "agent-*"}}
        )
    ),
    "trust: only where there is a tag": trust(
        lambda own: own.update(Condition={"StringEqualsIfExists": own["Condition"]["StringEquals"]})
    ),
    "trust: replication by another account": trust(
        lambda own: own.update(Principal={"AWS": "999999999999"}), "replication-role"
    ),
    "trust: one more statement": statements(
        ROLE,
        "assumeRolePolicy",
        "us-east-1-sidecars",
        lambda own: own.append(
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:user/x"}, "Action": "sts:AssumeRole"}
        ),
    ),
    "identity: a role of another region": inputs(
        ASSOCIATION,
        lambda props: props.update(roleArn="arn:aws:iam::123456789012:role/agency-example-com-dev-us-east-1"),
    ),
    "identity: a foreign role": inputs(
        ASSOCIATION, lambda props: props.update(roleArn="arn:aws:iam::999999999999:role/admin")
    ),
    "identity: another namespace": inputs(ASSOCIATION, lambda props: props.update(namespace="kube-system")),
    "identity: another service account": inputs(
        ASSOCIATION, lambda props: props.update(serviceAccount="default")
    ),
    "identity: an annotated account": inputs(
        SERVICE_ACCOUNT,
        lambda props: props["metadata"].update(
            annotations={"eks.amazonaws.com/role-arn": "arn:aws:iam::999999999999:role/admin"}
        ),
    ),
    "rights: an Agent writes its Brain's files": of_one_component("brain/data/*"),
    "rights: an Agent writes all of its company's files": of_one_component("*"),
    "rights: a gate writes operators' requests": of_one_component("agent/_orders/*"),
    "rights: a gate writes every part": of_one_component("agent/*"),
    "trust: with another condition": trust(
        lambda own: own["Condition"].update(StringLike={"aws:RequestTag/eks-cluster-arn": "*"})
    ),
    "identity: sessions without tags": inputs(
        ASSOCIATION, lambda props: props.update(disableSessionTags=True)
    ),
}
