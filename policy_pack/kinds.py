"""What a stack is made of: the kinds of resources, and the keys of those that could reach beyond it.

A positive list: a kind or a key that nobody has judged is a violation. Other policies judge the values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi_policy import ResourceValidationArgs, Severity

from policy_pack.writing import Props, of_resources

ANY = None
"""Whatever the value is: it is harmless, or another policy judges it."""
Shape = Mapping[str, Any]
"""The known keys of a mapping, and of the mappings in it: ANY, a Shape, or a list with the items' Shape."""


def _keys(text: str, **nested: Any) -> dict[str, Any]:
    return {**dict.fromkeys(text.split()), **nested}


_PROBE = _keys(
    "periodSeconds timeoutSeconds failureThreshold successThreshold initialDelaySeconds",
    httpGet=_keys("path port scheme"),
    tcpSocket=_keys("port"),
)
_CONTAINER = _keys(
    "name image imagePullPolicy command args env envFrom workingDir ports resources restartPolicy"
    " securityContext terminationMessagePath terminationMessagePolicy",
    volumeMounts=[_keys("name mountPath readOnly recursiveReadOnly subPath")],
    lifecycle=_keys("", preStop=_keys("sleep")),
    **dict.fromkeys(("startupProbe", "readinessProbe", "livenessProbe"), _PROBE),
)
POD = _keys(
    "affinity automountServiceAccountToken dnsPolicy enableServiceLinks hostIPC hostNetwork hostPID"
    " imagePullSecrets nodeSelector preemptionPolicy priorityClassName restartPolicy runtimeClassName"
    " schedulerName"
    " securityContext serviceAccount serviceAccountName shareProcessNamespace"
    " terminationGracePeriodSeconds tolerations topologySpreadConstraints",
    containers=[_CONTAINER],
    initContainers=[_CONTAINER],
    volumes=[_keys("name configMap downwardAPI emptyDir hostPath persistentVolumeClaim projected secret")],
)
_TEMPLATE = _keys("metadata", spec=POD)


def _object(**content: Any) -> Shape:
    return _keys("apiVersion kind metadata status", **content)


_BUCKET_PART = "bucket region expectedBucketOwner"
_LIFECYCLE_RULE = _keys(
    "id status prefix filter noncurrentVersionExpiration abortIncompleteMultipartUpload expiration"
)
_REPLICATION_RULE = _keys(
    "id status priority prefix filter deleteMarkerReplication sourceSelectionCriteria",
    destination=_keys("bucket encryptionConfiguration metrics replicationTime storageClass"),
)
_AWS: dict[str, Shape | None] = {
    "aws:acm/certificate:Certificate": ANY,
    "aws:acm/certificateValidation:CertificateValidation": ANY,
    "aws:cloudwatch/metricAlarm:MetricAlarm": ANY,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _keys(
        "clusterName region namespace serviceAccount roleArn tags tagsAll"
    ),
    "aws:globalaccelerator/accelerator:Accelerator": _keys("enabled ipAddressType name tags tagsAll"),
    "aws:globalaccelerator/endpointGroup:EndpointGroup": _keys(
        "endpointGroupRegion listenerArn trafficDialPercentage",
        endpointConfigurations=[_keys("clientIpPreservationEnabled endpointId weight")],
    ),
    "aws:globalaccelerator/listener:Listener": _keys("acceleratorArn clientAffinity portRanges protocol"),
    "aws:iam/role:Role": _keys("name assumeRolePolicy description path permissionsBoundary tags tagsAll"),
    "aws:iam/rolePolicy:RolePolicy": _keys("name role policy"),
    "aws:route53/healthCheck:HealthCheck": _keys(
        "childHealthThreshold childHealthchecks enableSni failureThreshold fqdn measureLatency port regions"
        " requestInterval resourcePath tags tagsAll type"
    ),
    "aws:route53/record:Record": ANY,
    "aws:s3/bucket:Bucket": _keys(
        "bucket bucketNamespace region forceDestroy objectLockEnabled tags tagsAll"
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _keys(
        f"{_BUCKET_PART} transitionDefaultMinimumObjectSize", rules=[_LIFECYCLE_RULE]
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _keys(
        f"{_BUCKET_PART} objectLockEnabled rule"
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ANY,
    "aws:s3/bucketPolicy:BucketPolicy": ANY,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ANY,
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": _keys(
        "bucket region role", rules=[_REPLICATION_RULE]
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ANY,
    "aws:s3/bucketVersioning:BucketVersioning": ANY,
    "aws:sns/topic:Topic": _keys("name region tags tagsAll"),
    "aws:sns/topicSubscription:TopicSubscription": _keys("topic protocol endpoint region"),
}
_KUBERNETES: dict[str, Shape | None] = {
    "admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy": ANY,
    "admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding": ANY,
    "apps/v1:Deployment": _object(
        spec=_keys(
            "minReadySeconds progressDeadlineSeconds replicas revisionHistoryLimit selector strategy",
            template=_TEMPLATE,
        )
    ),
    "apps/v1:StatefulSet": _object(
        spec=_keys(
            "minReadySeconds persistentVolumeClaimRetentionPolicy podManagementPolicy replicas"
            " revisionHistoryLimit selector serviceName updateStrategy",
            template=_TEMPLATE,
        )
    ),
    "coordination.k8s.io/v1:Lease": ANY,
    "core/v1:ConfigMap": ANY,
    "core/v1:LimitRange": _object(spec=_keys("limits")),
    "core/v1:Namespace": ANY,
    "core/v1:PersistentVolumeClaim": _object(
        spec=_keys("accessModes resources storageClassName volumeMode volumeAttributesClassName")
    ),
    "core/v1:ResourceQuota": _object(spec=_keys("hard")),
    "core/v1:Secret": ANY,
    "core/v1:Service": _object(
        spec=_keys(
            "clusterIP ipFamilies ipFamilyPolicy publishNotReadyAddresses selector sessionAffinity"
            " sessionAffinityConfig type",
            ports=[_keys("name port protocol targetPort appProtocol")],
        )
    ),
    "core/v1:ServiceAccount": _object(automountServiceAccountToken=ANY, imagePullSecrets=ANY),
    "monitoring.coreos.com/v1:PodMonitor": _object(
        spec=_keys("namespaceSelector selector", podMetricsEndpoints=[_keys("port")])
    ),
    "monitoring.coreos.com/v1:PrometheusRule": _object(spec=_keys("groups")),
    "networking.k8s.io/v1:Ingress": _object(
        spec=_keys("ingressClassName rules defaultBackend", tls=[_keys("hosts")])
    ),
    "networking.k8s.io/v1:NetworkPolicy": _object(spec=_keys("podSelector policyTypes ingress egress")),
    "policy/v1:PodDisruptionBudget": _object(
        spec=_keys("selector maxUnavailable unhealthyPodEvictionPolicy")
    ),
    "rbac.authorization.k8s.io/v1:ClusterRole": _object(rules=ANY),
    "rbac.authorization.k8s.io/v1:Role": _object(rules=ANY),
    "rbac.authorization.k8s.io/v1:RoleBinding": _object(roleRef=ANY, subjects=ANY),
    "scheduling.k8s.io/v1:PriorityClass": _object(value=ANY, description=ANY, globalDefault=ANY),
}
_STASH = "pulumi:index:Stash"
KINDS = {
    **_AWS,
    **{f"kubernetes:{kind}": shape for kind, shape in _KUBERNETES.items()},
    _STASH: _keys("", input=_keys("accelerators movedAt")),
}
KEPT = {("kubernetes:core/v1:Secret", "data"), (_STASH, "input.movedAt")}
"""Whose changes may be ignored: a Secret that the program makes once, the moment when names last moved."""
OWN = ("agency:", "pulumi:pulumi:Stack", "pulumi:providers:kubernetes", "pulumi:providers:aws")
"""Components, and the default provider of AWS."""


def _unknown(args: ResourceValidationArgs) -> Iterator[str]:
    ignored = [key for key in args.opts.ignore_changes or () if (args.resource_type, key) not in KEPT]
    if ignored:
        yield f"changes of {', '.join(ignored)} are ignored"
    if args.resource_type in KINDS:
        yield from _keys_beyond(KINDS[args.resource_type], args.props)
    elif not args.resource_type.startswith(OWN):
        yield f"the program makes no {args.resource_type.rpartition(':')[2]} ({args.resource_type})"


def _keys_beyond(shape: Shape | None, value: Any, path: str = "") -> Iterator[str]:
    if shape is ANY or not isinstance(value, Mapping):
        return
    for key in value:
        if key not in shape:
            if value[key]:
                yield f"{path}{key} is set"
        elif isinstance(shape[key], list):
            yield from _items_beyond(shape[key][0], value[key], f"{path}{key}")
        elif shape[key] is not ANY:
            yield from _keys_beyond(shape[key], value[key], f"{path}{key}.")


def _items_beyond(shape: Shape, items: Props | Sequence[Any] | None, path: str) -> Iterator[str]:
    for index, item in enumerate(items or ()):
        yield from _keys_beyond(shape, item, f"{path}[{index}].")


POLICIES = (
    of_resources(
        "only-known-resources",
        Severity.CRITICAL,
        None,
        "A stack has only the kinds of resources that the program makes, with the keys that it sets.",
        "Remove it; a new kind or key belongs into `policy_pack/kinds.py`, with a policy that judges it.",
        _unknown,
    ),
)
