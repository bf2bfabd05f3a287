"""The test service: moto's S3 at an address of this machine, judged by IAM documents, with faults."""

from __future__ import annotations

import io
import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import boto3
from botocore.config import Config
from moto.s3.models import FakeKey
from werkzeug.wrappers import Request, Response

from local.aws.object_replication import ObjectReplication, store
from plan.iam import bucket_arn, bucket_policy, gate_access
from plan.iam_evaluator import Document, allows, denies
from plan.iam_evaluator import Request as Need
from plan.names import RoleNames, bucket_name
from tests.s3 import buckets, calls, network
from tests.s3.calls import Call
from tests.s3.clock import ServiceClock
from tests.s3.faults import CUT, Fault
from tests.s3.replication import Replication

ADMIN = "admin"
"""The access key id that may do all, and from whom no missing key is hidden."""
ACCOUNT = "123456789012"
DOMAIN = "agency.test"
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
READS = {"GetObject", "HeadObject", "CopyObject", "UploadPartCopy"}

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Principal:
    """Who holds an access key: what its role allows, and the condition keys of its session."""

    document: Document
    context: Mapping[str, str]

    def may(self, need: Need, policy: Document) -> bool:
        """By its own document, and by the policy of the bucket."""
        asked = replace(need, context={**need.context, **self.context})
        return allows(self.document, asked) and not denies(policy, asked)


class S3Service:
    """An S3 of its own for each test, at `url` from the first moment until `close`.

    `buckets` maps each region to its bucket: versioned, with the policy of plan/iam.py in `policies`, and
    replicating its own prefix to all others as components/replication_mesh.py has it. `calls` holds every
    call in the order of arrival, `refused` those that no document allowed. `fault` says what happens to a
    call; None is nothing.
    `clock.now` is the service's time.
    """

    def __init__(self, regions: Iterable[str] = REGIONS) -> None:
        self.stack = str(next(_numbers))
        self.buckets = {region: bucket_name(DOMAIN, self.stack, region) for region in regions}
        self.policies = {
            bucket: bucket_policy(RoleNames(domain=DOMAIN, stack=self.stack), region, self.buckets)
            for region, bucket in self.buckets.items()
        }
        self.calls: list[Call] = []
        self.refused: list[Call] = []
        self.fault: Callable[[Call], Fault | None] | None = None
        self.kms = False
        """Whether a KMS key encrypts the buckets: then ETags are no MD5."""
        self._cut: set[str] = set()
        self._principals: dict[str, Principal] = {}
        self._clients: dict[tuple[str, str], Any] = {}
        self._closing = threading.Event()
        self.clock = ServiceClock()
        lock = threading.RLock()
        self.replication = Replication(lock, self._reachable)
        self._s3 = ObjectReplication(network.moto(), self.replication.schedule, lock)
        buckets.create(self.buckets)
        self._server = network.serve(self, self.clock.date)
        self.url = f"http://127.0.0.1:{self._server.port}"

    def principal(self, key_id: str, document: Document, role: str = "", **tags: str) -> str:
        """Let `key_id` do what `document` allows; `tags` are the session's, with `_` for `-`. Returns it."""
        context = {f"aws:PrincipalTag/{name.replace('_', '-')}": value for name, value in tags.items()}
        context["aws:PrincipalArn"] = f"arn:aws:iam::{ACCOUNT}:role/{role or key_id}"
        self._principals[key_id] = Principal(document, context)
        return key_id

    def sidecar(self, region: str, namespace: str, component: str = "brain") -> str:
        """An access key id with the role of a component's gates in a region, in a session of a company's
        namespace."""
        return self.principal(
            f"sidecar-{region}-{namespace}" + ("" if component == "brain" else f"-{component}"),
            gate_access(region=region, component=component, buckets=self.buckets, keys={}),
            RoleNames(domain=DOMAIN, stack=self.stack).gate(region, component),
            kubernetes_namespace=namespace,
            kubernetes_service_account=f"{component}-{region}",
        )

    def client(self, key_id: str = ADMIN, region: str = REGIONS[0]) -> Any:
        """A boto3 client that tries once."""
        if (key_id, region) not in self._clients:
            config = Config(
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                proxies={},
                connect_timeout=10,
                read_timeout=120,
            )
            self._clients[key_id, region] = boto3.client(
                "s3",
                region_name=region,
                endpoint_url=self.url,
                aws_access_key_id=key_id,
                aws_secret_access_key=key_id,
                config=config,
            )
        return self._clients[key_id, region]

    def credentials(self, key_id: str) -> dict[str, str]:
        """Environment with which a program is this principal, past profiles and proxies of the user."""
        return {
            "AWS_ACCESS_KEY_ID": key_id,
            "AWS_SECRET_ACCESS_KEY": key_id,
            "AWS_SESSION_TOKEN": "",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def keys(self, region: str, prefix: str = "") -> dict[str, int]:
        """Size of every object that is there now, by key; not recorded as a call."""
        versions = store().get_bucket(self.buckets[region]).keys.items()
        return {key: one.size for key, one in versions if key.startswith(prefix) and isinstance(one, FakeKey)}

    def versions(self, region: str, prefix: str) -> dict[str, list[bytes | None]]:
        """Content of every version of each key, the oldest first; None for a delete marker. Not recorded."""
        found = store().get_bucket(self.buckets[region]).keys
        return {
            key: [one.value if isinstance(one, FakeKey) else None for one in found.getlist(key)]
            for key in list(found)
            if key.startswith(prefix)
        }

    def lock(self, mode: str, days: int) -> None:
        """Object Lock on all buckets, as the setting `replication.objectLock` makes it."""
        for name in self.buckets.values():
            store().put_object_lock_configuration(name, True, mode, days)

    def cut(self, region: str) -> None:
        """Make the region's bucket unreachable, for callers and for replication."""
        self._cut.add(self.buckets[region])

    def heal(self, region: str) -> None:
        self._cut.discard(self.buckets[region])
        self.replication.wake()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        body = request.get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        call = calls.read(request)
        self.calls.append(call)
        fault = CUT if call.bucket in self._cut else (self.fault(call) if self.fault else None) or Fault()
        if fault.delay:
            self._closing.wait(fault.delay)
        if fault.cut == "before" or self._closing.is_set():
            return network.hang_up(environ)
        response = network.error(fault.status, "injected") if fault.status else self._answer(call, environ)
        call.status = response.status_code
        if fault.cut == "after":
            return network.hang_up(environ)
        return response(environ, start_response)

    def _answer(self, call: Call, environ: dict[str, Any]) -> Response:
        principal = self._principals.get(call.principal)
        if principal is None and call.principal != ADMIN:
            self.refused.append(call)
            return network.error(HTTPStatus.FORBIDDEN, f"nobody has the access key id {call.principal!r}")
        policy = self.policies.get(call.bucket, {"Statement": []})
        asked = [replace(need, context={**need.context, **call.context}) for need in call.needs]
        if principal is not None and (missing := [need for need in asked if not principal.may(need, policy)]):
            self.refused.append(call)
            what = ", ".join(f"{need.action} on {need.resource} {dict(need.context)}" for need in missing)
            return network.error(HTTPStatus.FORBIDDEN, f"{call.principal} may not {call.operation}: {what}")
        if principal is not None and (home := self._home(call.bucket)) not in (None, call.region):
            return network.error(
                HTTPStatus.MOVED_PERMANENTLY, f"the bucket is in {home}, not in {call.region}"
            )
        response = Response.from_app(self._s3, environ, buffered=True)
        if self.kms and call.operation != "UploadPart":
            network.hide_md5(response)
        # S3 tells only those that may list the whole bucket that a key is missing.
        hidden = principal and not principal.may(
            Need(action="s3:ListBucket", resource=bucket_arn(call.bucket)), policy
        )
        if hidden and call.operation in READS and response.status_code == HTTPStatus.NOT_FOUND:
            return network.error(HTTPStatus.FORBIDDEN, "the key may be missing")
        return response

    def _home(self, bucket: str) -> str | None:
        return next((region for region, name in self.buckets.items() if name == bucket), None)

    def _reachable(self, bucket: str) -> bool:
        return bucket not in self._cut

    def close(self) -> None:
        """Let go of waiting calls, forget the buckets. Raises what went wrong in replication."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        for client in self._clients.values():
            client.close()
        try:
            self.replication.close()
        finally:
            for name in self.buckets.values():
                buckets.forget(name)
