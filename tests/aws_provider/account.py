"""The emulator's account, as the tests of the provider use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3

from local.aws.emulator import Emulator
from local.aws.provider.api import AwsApi
from local.aws.provider.resources import Resources
from local.aws.provider.servicer import Provider
from tests.aws_provider import cases, record_cases
from tests.aws_provider.cases import BUCKET, RECORD, REGION, ROLE, Case
from tests.aws_provider.engine import Resource, Values

PARTS = sorted(cases.buckets(""))
RECORDS = [f"{RECORD} {kind}" for kind in record_cases.records("")]
TYPES = [*PARTS, *cases.roles(""), *cases.others(""), *RECORDS]


@dataclass(frozen=True)
class Account:
    """The emulator's account, and the names of one test in it."""

    emulator: Emulator
    api: AwsApi
    name: str

    def provider(self) -> Provider:
        """As a new run of the engine starts it."""
        return Provider(Resources(self.api))

    def provider_in_region(self) -> Provider:
        """With the region of the tests as the one of resources that name none."""
        resources = Resources(self.api)
        resources.region = REGION
        return Provider(resources)

    def resource(self, kind: str, name: str = "resource") -> Resource:
        return Resource(self.provider, kind, f"{self.name}-{name}")

    def client(self, service: str, region: str = REGION) -> Any:
        return boto3.client(service, region_name=region, **self.emulator.credentials())

    def bucket(self, name: str, region: str = REGION) -> Resource:
        created = self.resource(BUCKET, name)
        created.up({"bucket": name, "region": region})
        return created

    def case(self, kind: str) -> tuple[Resource, Case]:
        """A resource of the type, and its case, with all that it needs."""
        kind, _, variant = kind.partition(" ")
        if kind in PARTS:
            for bucket in (f"{self.name}-one", f"{self.name}-two"):
                self.bucket(bucket)
                self.client("s3").put_bucket_versioning(
                    Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
                )
        elif kind == "aws:iam/rolePolicy:RolePolicy":
            self.resource(ROLE).up({"name": f"{self.name}-role", "assumeRolePolicy": "{}"})
        check = self._with_health_check() if kind == RECORD else ""
        known = {
            **cases.buckets(self.name),
            **cases.roles(self.name),
            **cases.others(self.name),
            **{f"{RECORD} {name}": case for name, case in record_cases.records(self.name, check).items()},
        }
        return self.resource(kind), known[f"{kind} {variant}".strip()]

    def _with_health_check(self) -> str:
        """Make what the records of a test lead to: a health check, whose id it returns, and a name."""
        route53, name = self.client("route53"), f"to.{self.name}.example.com"
        record = {"Name": name, "Type": "CNAME", "TTL": 20, "ResourceRecords": [{"Value": "x.example.com"}]}
        route53.change_resource_record_sets(**record_cases.batch("UPSERT", record))
        config = {"Type": "HTTPS", "FullyQualifiedDomainName": name}
        created = route53.create_health_check(CallerReference=name, HealthCheckConfig=config)
        return str(created["HealthCheck"]["Id"])

    def call(self, resource: Resource, call: tuple[str, str, Values]) -> None:
        service, method, parameters = call
        arguments = {key: resource.id if value == "{id}" else value for key, value in parameters.items()}
        getattr(self.client(service), method)(**arguments)
