"""Load balancers as the AWS Load Balancer Controller creates them, and the program that serves them.

As a program: the load balancers of one region without namespaces, on loopback addresses.
"""

from __future__ import annotations

import http.client
import itertools
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3

from local.aws import vpc
from local.aws.emulator import REGION, Emulator, ensure_hosted_zone, report_target_health
from local.cluster.alb.addresses import Addresses, file_of, find
from local.cluster.alb.caddy import Caddy
from local.cluster.alb.elb_api import STACK_TAG, ElbApi
from local.cluster.alb.service import Service
from local.machine import pki, ports
from local.programs import catalog
from tests.services import until

DOMAIN = "alb.test"
HOST = f"acme.{DOMAIN}"
EU = "eu-west-1"
_numbers = itertools.count(1)
ATTRIBUTES = {"deregistration_delay.timeout_seconds": "3"}
CHECK = {
    "HealthCheckPath": "/health",
    "HealthCheckIntervalSeconds": 5,
    "HealthCheckTimeoutSeconds": 2,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 2,
}


class Answers:
    """A target: a server whose answer to health checks can be changed. It returns its name and the path."""

    def __init__(self, name: str, answer: Callable[[BaseHTTPRequestHandler], None] | None = None) -> None:
        self.health = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/health":
                    reply(self, outer.health, "")
                elif answer:
                    answer(self)
                else:
                    reply(self, 200, f"{name} {self.path} {self.headers['X-Forwarded-Proto']}")

            def log_message(self, *_: object) -> None:
                pass

        # An address for each: the emulator knows no two ports of one.
        self.server = ThreadingHTTPServer((f"127.1.0.{next(_numbers)}", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def target(self) -> dict[str, Any]:
        address, port = self.server.server_address[:2]
        return {"Id": address, "Port": port}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def reply(handler: BaseHTTPRequestHandler, status: int, text: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(text)))
    handler.end_headers()
    handler.wfile.write(text.encode())


class Region:
    """The load balancers of a region in the emulator, and the process that serves them."""

    def __init__(self, state: Path, aws: Emulator, region: str) -> None:
        self.state, self.region = state, region
        make: Any = partial(boto3.client, region_name=REGION, **aws.credentials())
        self.elbv2, self.acm, self.route53 = map(make, ("elbv2", "acm", "route53"))
        self._subnets = [
            each["SubnetId"]
            for each in make("ec2").describe_subnets(
                Filters=[{"Name": "vpc-id", "Values": [vpc.ensure(aws, REGION)]}]
            )["Subnets"][:2]
        ]
        self._vpc = vpc.ensure(aws, REGION)
        self._aws = aws

    def certificate(self, *names: str) -> str:
        """That is issued."""
        ensure_hosted_zone(self._aws.url, "Z0ALB", DOMAIN)
        answer = self.acm.request_certificate(
            DomainName=names[0], SubjectAlternativeNames=[*names], ValidationMethod="DNS"
        )
        arn = str(answer["CertificateArn"])
        options = self.acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]
        # A name and its wildcard have the same record.
        records = {each["ResourceRecord"]["Name"]: each["ResourceRecord"]["Value"] for each in options}
        changes = [
            {
                "Action": "UPSERT",
                "ResourceRecordSet": {
                    "Name": name,
                    "Type": "CNAME",
                    "TTL": 300,
                    "ResourceRecords": [{"Value": value}],
                },
            }
            for name, value in records.items()
        ]
        self.route53.change_resource_record_sets(HostedZoneId="Z0ALB", ChangeBatch={"Changes": changes})
        return arn

    def balancer(self, name: str, stack: str) -> str:
        created = self.elbv2.create_load_balancer(
            Name=name, Subnets=self._subnets, Tags=[{"Key": STACK_TAG, "Value": stack}]
        )
        return str(created["LoadBalancers"][0]["LoadBalancerArn"])

    def front(self, name: str, stack: str, balancer: str, port: int) -> tuple[str, str]:
        """A Network Load Balancer before another load balancer, and its target group."""
        created = self.elbv2.create_load_balancer(
            Name=name, Subnets=self._subnets, Type="network", Tags=[{"Key": STACK_TAG, "Value": stack}]
        )
        group = self.elbv2.create_target_group(
            Name=f"{name}-{port}",
            Protocol="TCP",
            Port=port,
            VpcId=self._vpc,
            TargetType="alb",
            HealthCheckProtocol="HTTP",
            HealthCheckPort=str(port),
            HealthCheckPath=f"/healthz/{stack}",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
        )
        arn = str(group["TargetGroups"][0]["TargetGroupArn"])
        front = str(created["LoadBalancers"][0]["LoadBalancerArn"])
        self.elbv2.create_listener(
            LoadBalancerArn=front, Port=port, Protocol="TCP", DefaultActions=[forward(arn)]
        )
        self.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": balancer, "Port": port}])
        return front, arn

    def listener(self, balancer: str, certificate: str | None = None) -> tuple[str, int]:
        """ARN and port. What no rule fits is 404."""
        port = ports.choose(())
        secure = {"Certificates": [{"CertificateArn": certificate}]} if certificate else {}
        default = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        created = self.elbv2.create_listener(
            LoadBalancerArn=balancer,
            Port=port,
            Protocol="HTTPS" if certificate else "HTTP",
            DefaultActions=[default],
            **secure,
        )
        return str(created["Listeners"][0]["ListenerArn"]), port

    def rule(self, listener: str, priority: int, action: Mapping[str, Any], **conditions: str) -> str:
        """`host` and `path` are the conditions."""
        fields = {"host": "host-header", "path": "path-pattern"}
        created = self.elbv2.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=[{"Field": fields[key], "Values": [value]} for key, value in conditions.items()],
            Actions=[action],
        )
        return str(created["Rules"][0]["RuleArn"])

    def group(self, name: str, *targets: Answers, **attributes: str) -> str:
        created = self.elbv2.create_target_group(
            Name=name, Protocol="HTTP", Port=3000, VpcId=self._vpc, TargetType="ip", **CHECK
        )
        arn = str(created["TargetGroups"][0]["TargetGroupArn"])
        values = ATTRIBUTES | {key.replace("__", "."): value for key, value in attributes.items()}
        self.elbv2.modify_target_group_attributes(
            TargetGroupArn=arn, Attributes=[{"Key": key, "Value": value} for key, value in values.items()]
        )
        self.register(arn, *targets)
        return arn

    def register(self, group: str, *targets: Answers) -> None:
        if targets:
            self.elbv2.register_targets(TargetGroupArn=group, Targets=[each.target for each in targets])

    def states(self, group: str) -> dict[int, str]:
        """The health of a group's targets, by their ports."""
        targets = self.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return {each["Target"]["Port"]: each["TargetHealth"]["State"] for each in targets}

    @contextmanager
    def served(self) -> Iterator[None]:
        """The program runs."""
        caddy = catalog.binary("caddy", print)
        self.state.mkdir(exist_ok=True)
        pki.ensure(self.state / "pki", ["localhost"])
        argv = [sys.executable, "-m", __name__, str(self.state), self.region, self._aws.url, str(caddy)]
        process = subprocess.Popen(argv)
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(10) != 0

    def address(self, balancer: str) -> str:
        balancers = self.elbv2.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"]
        name = balancers[0]["DNSName"].lower()
        until(lambda: name in self.addresses(), "the load balancer has an address", 20)
        return self.addresses()[name]

    def addresses(self) -> dict[str, str]:
        """The addresses of load balancers, by DNS name."""
        return find(self.state, self.region)

    def ask(
        self, address: str, port: int, path: str = "/", host: str = HOST, *, tls: bool = False
    ) -> tuple[int, str, Mapping[str, str]]:
        """Once more when the connection closes before an answer, as browsers do (RFC 9110, 9.2.2)."""
        try:
            return self._ask(address, port, path, host, tls)
        except http.client.RemoteDisconnected:
            return self._ask(address, port, path, host, tls)

    def _ask(
        self, address: str, port: int, path: str, host: str, tls: bool
    ) -> tuple[int, str, Mapping[str, str]]:
        connection: http.client.HTTPConnection
        if tls:
            trust = ssl.create_default_context(cafile=str(self.state / "pki" / "ca.crt"))
            connection = _Named(address, port, host, trust)
        else:
            connection = http.client.HTTPConnection(address, port, timeout=60)
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text, dict(answer.headers)


class _Named(http.client.HTTPSConnection):
    """A connection to an address, which has to show the certificate of a name."""

    def __init__(self, address: str, port: int, name: str, trust: ssl.SSLContext) -> None:
        super().__init__(address, port, timeout=60, context=trust)
        self._name, self._trust = name, trust

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._trust.wrap_socket(self.sock, server_hostname=self._name)


def forward(group: str) -> dict[str, Any]:
    return {"Type": "forward", "TargetGroupArn": group}


def main(state: str, region: str, aws: str, caddy: str) -> None:
    folder = Path(state)
    proxy = Caddy(caddy, folder)
    try:
        Service(
            ElbApi(region, REGION, aws),
            proxy,
            Addresses(file_of(folder, region), lambda number: f"127.0.0.{number}"),
            partial(pki.sign, folder / "pki"),
            partial(report_target_health, aws),
        ).run()
    finally:
        proxy.process.kill()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main(*sys.argv[1:])
