"""Runs the program, or a part of it, on the recorder, and queries its registrations.

Every run has an event loop, settings and threads of its own, so tests may run in any order.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.placeholders import Placeholders
from engine.program import run_program
from engine.recorder import Registration
from engine.stack_file import load_stack_file
from engine.values import Secret
from settings import Settings, from_config
from tests.strategies import Raw, config_of

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "__main__.py"
AWS_REGION = "us-east-1"

NAMESPACE = "kubernetes:core/v1:Namespace"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SECRET = "kubernetes:core/v1:Secret"
SERVICE = "kubernetes:core/v1:Service"
SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
VOLUME_CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
QUOTA = "kubernetes:core/v1:ResourceQuota"
LIMIT_RANGE = "kubernetes:core/v1:LimitRange"
STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
LEASE = "kubernetes:coordination.k8s.io/v1:Lease"
CLUSTER_ROLE = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
KUBERNETES_ROLE = "kubernetes:rbac.authorization.k8s.io/v1:Role"
ROLE_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
DISRUPTION_BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
PRIORITY_CLASS = "kubernetes:scheduling.k8s.io/v1:PriorityClass"
KUBERNETES_PROVIDER = "pulumi:providers:kubernetes"

BUCKET = "aws:s3/bucket:Bucket"
BUCKET_VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
BUCKET_LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
BUCKET_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
BUCKET_PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET_OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BUCKET_LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
SAFE_BUCKET = {
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    BUCKET_OWNERSHIP,
    BUCKET_POLICY,
    BUCKET_PUBLIC_ACCESS,
    BUCKET_VERSIONING,
}
"""A bucket and its parts, which all stay when the region leaves the stack."""
BUCKET_REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
CERTIFICATE = "aws:acm/certificate:Certificate"
CERTIFICATE_VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
HEALTH_CHECK = "aws:route53/healthCheck:HealthCheck"
RECORD = "aws:route53/record:Record"
ACCELERATOR = "aws:globalaccelerator/accelerator:Accelerator"
LISTENER = "aws:globalaccelerator/listener:Listener"
ENDPOINT_GROUP = "aws:globalaccelerator/endpointGroup:EndpointGroup"

Function = Callable[[dict[str, Any]], dict[str, Any]]


class Answers(Placeholders):
    """The recorder of the tests, with results for providers' functions by name, and outputs by type.

    `finished` lists the URNs whose outputs were registered; `error_hooks`, `waits` (before a creation,
    before an update) and `waits_after` (a creation) have the names of hooks by URN.
    """

    def __init__(
        self,
        functions: Mapping[str, Function] | None = None,
        outputs: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        self.functions, self.outputs = dict(functions or {}), dict(outputs or {})
        self.finished: list[str] = []
        self.error_hooks: dict[str, list[str]] = {}
        self.waits: dict[str, tuple[list[str], list[str]]] = {}
        self.waits_after: dict[str, list[str]] = {}

    def resolve(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        identity, outputs = super().resolve(registration)
        return identity, self.outputs.get(registration.type, outputs)

    def invoke(self, token: str, args: dict[str, Any], provider: str) -> dict[str, Any]:
        function = self.functions.get(token.rsplit(":", 1)[-1])
        return function(args) if function else super().invoke(token, args, provider)

    def RegisterResource(self, request: Any) -> Any:
        response = super().RegisterResource(request)
        with self.lock:
            self.error_hooks[response.urn] = list(request.hooks.on_error)
            self.waits[response.urn] = list(request.hooks.before_create), list(request.hooks.before_update)
            self.waits_after[response.urn] = list(request.hooks.after_create)
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:
        with self.lock:
            self.finished.append(request.urn)
        return super().RegisterResourceOutputs(request)


class Recording:
    """The registrations of a run, and queries about them."""

    def __init__(
        self, recorder: Answers, outputs: Mapping[str, Any], settings: Settings | None = None
    ) -> None:
        self.recorder, self.outputs = recorder, dict(outputs)
        self.by_urn = recorder.registrations
        self._settings = settings

    @property
    def settings(self) -> Settings:
        assert self._settings is not None, "only a part was run, without settings"
        return self._settings

    @property
    def stack_urn(self) -> str:
        return self.recorder.stack_urn

    @property
    def warnings(self) -> list[str]:
        return [text for severity, text, _ in self.recorder.messages if severity == "warning"]

    @property
    def invoked(self) -> list[str]:
        """The functions of providers that were called, without their packages."""
        return [token.rsplit(":", 1)[-1] for token, _, _ in self.recorder.invokes]

    def __iter__(self) -> Iterator[Registration]:
        """Every registration but the stack's."""
        return (resource for resource in self.by_urn.values() if resource.urn != self.stack_urn)

    def of(self, *types: str) -> list[Registration]:
        return [resource for resource in self if resource.type in types]

    def named(self, name: str, type_: str | None = None) -> Registration:
        found = [resource for resource in self if resource.name == name and type_ in (None, resource.type)]
        assert len(found) == 1, f"{name}: {len(found)} found among {names(self)}"
        return found[0]

    def children(self, parent: Registration) -> list[Registration]:
        return [resource for resource in self if resource.parent == parent.urn]

    def ancestors(self, resource: Registration) -> list[Registration]:
        """Parents up to the component under the stack, the nearest first."""
        found = []
        while resource.parent and resource.parent != self.stack_urn:
            resource = self.by_urn[resource.parent]
            found.append(resource)
        return found

    def below(self, parent: Registration) -> list[Registration]:
        """A component and everything below it."""
        return [resource for resource in self if resource is parent or parent in self.ancestors(resource)]

    def provider_of(self, resource: Registration) -> Registration | None:
        return self.by_urn[resource.provider.rpartition("::")[0]] if resource.provider else None

    def cluster_of(self, resource: Registration) -> str:
        """The identifier of the cluster that a Kubernetes object goes to."""
        provider = self.provider_of(resource)
        assert provider is not None, f"{resource.name} has no provider of its own"
        return str(provider.inputs["clusterIdentifier"])

    def objects(self, type_: str | None = None, *, namespace: str | None = None) -> list[Registration]:
        """Kubernetes objects, of one type or of all, in one namespace or in all."""
        return [
            resource
            for resource in self
            if resource.type.startswith("kubernetes:")
            and type_ in (None, resource.type)
            and namespace in (None, resource.inputs["metadata"].get("namespace"))
        ]

    def object(self, type_: str, name: str, *, namespace: str | None = None) -> Registration:
        found = [
            resource
            for resource in self.objects(type_, namespace=namespace)
            if resource.inputs["metadata"]["name"] == name
        ]
        assert len(found) == 1, f"{type_} {namespace}/{name}: {len(found)} found, wanted one"
        return found[0]

    def manifest(self, type_: str, name: str, *, namespace: str | None = None) -> dict[str, Any]:
        return self.object(type_, name, namespace=namespace).inputs

    def assert_created(self, type_: str, name: str, inputs: Mapping[str, Any] | None = None) -> Registration:
        """The resource, after a check that it has (at least) these inputs."""
        resource = self.named(name, type_)
        assert {key: resource.inputs.get(key) for key in inputs or {}} == dict(inputs or {}), name
        return resource

    def assert_none(self, *types: str) -> None:
        assert [resource.name for resource in self.of(*types)] == []


def record(
    raw: Raw,
    *,
    stack: str = "dev",
    recorder: Answers | None = None,
    secret_keys: Collection[str] = ("digital-agency:companies",),
    dry_run: bool = False,
) -> Recording:
    """Run the whole program on settings; equal settings share a recording, which is only read.

    The settings have the form of the CLI after `pulumi config set --secret`: decrypted, `companies` marked.
    """
    config = config_of(raw) | {"aws:region": AWS_REGION}
    if recorder:
        return _run(config, stack, recorder, secret_keys, dry_run)
    return _recorded(tuple(config.items()), stack, tuple(secret_keys), dry_run)


@lru_cache(maxsize=32)
def _recorded(config: tuple[tuple[str, str], ...], stack: str, *options: Any) -> Recording:
    return _run(dict(config), stack, Answers(), *options)


def record_file(path: Path, *, dry_run: bool = False) -> Recording:
    """Run the whole program on a stack file `Pulumi.<stack>.yaml`."""
    config, secret_keys = load_stack_file(path)
    return _recorded(tuple(config.items()), path.name.split(".")[1], tuple(sorted(secret_keys)), dry_run)


def _run(
    config: Mapping[str, str],
    stack: str,
    recorder: Answers,
    secret_keys: Collection[str],
    dry_run: bool,
) -> Recording:
    outputs = run_program(
        lambda: runpy.run_path(str(PROGRAM), run_name="__main__"),
        monitor=recorder,
        stack=stack,
        config=config,
        secret_keys=secret_keys,
        dry_run=dry_run,
    )
    return Recording(recorder, outputs, from_config(config, stack, secret_keys))


def record_part(build: Callable[[], Any]) -> Recording:
    """Run the registration of a part of the platform, such as a component."""
    recorder = Answers()
    outputs = run_program(
        lambda: build() and None, monitor=recorder, stack="dev", config={"aws:region": AWS_REGION}
    )
    return Recording(recorder, outputs)


def is_config(resource: Registration) -> bool:
    """Whether a resource is the config of a gate or a controller, which read it again without a new pod."""
    return resource.type == CONFIG_MAP and "settings.json" in resource.inputs.get("data", {})


def texts(value: Any) -> Iterator[str]:
    """Every text in a registered value, keys of mappings and opened secrets included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Secret):
        yield from texts(value.value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from texts(item)


def names(registrations: Iterable[Registration]) -> list[str]:
    return sorted(resource.name for resource in registrations)
