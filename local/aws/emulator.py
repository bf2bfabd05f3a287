"""The AWS emulator, a process with an account in memory: a restarted emulator is an empty account."""

import hashlib
import http.client
import importlib.metadata
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from local.machine import ports
from local.machine.files import LocalError, Progress, source_digest, write_atomically
from local.machine.processes import Processes, Running

NAME = "aws-emulator"
SOURCES = (
    "local/aws/server.py",
    "local/aws/global_accelerator.py",
    "local/aws/object_replication.py",
    "local/aws/corrections/*.py",
    "plan/route53.py",
    "plan/record_sets.py",
    "plan/geo.py",
)
HOSTED_ZONE_PATH = "/digital-agency/hosted-zone"
IDENTITY_PATH = "/digital-agency/process"
TARGET_HEALTH_PATH = "/digital-agency/target-health"
PROFILE = "aws-config"
URL = "aws-url"
"""Files in the state folder."""
REGION = "us-east-1"
NODES_PORT = 443
"""On the nodes' network: plain HTTP, but network policies allow AWS on this port."""
DOCUMENTATION = "192.0.2.0/24"
"""Addresses that nobody has (RFC 5737): where no accelerator moves traffic."""
READY_SECONDS = 60.0
REQUEST_SECONDS = 30.0


class EmulatorError(LocalError):
    """The emulator rejected a call; the message has its answer."""


@dataclass(frozen=True, kw_only=True)
class Emulator:
    """A running emulator.

    `instance` identifies its process: with another value, the account is empty again. `profile` is an empty
    AWS configuration file.
    """

    url: str
    instance: str
    profile: Path

    def credentials(self) -> dict[str, str]:
        """Arguments for `boto3.client`, beside service and region."""
        return {
            "endpoint_url": self.url,
            "aws_access_key_id": "local",
            "aws_secret_access_key": "local",
        }

    def environment(self, region: str = REGION) -> dict[str, str]:
        """Variables that make AWS SDKs and the Pulumi CLI use the emulator, not profiles and proxies."""
        direct = ",".join(filter(None, (os.environ.get("NO_PROXY"), urlsplit(self.url).hostname)))
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_SESSION_TOKEN": "",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            # A variable cannot be unset here, so the user's profile is replaced by the one in our file.
            "AWS_PROFILE": "default",
            "AWS_CONFIG_FILE": str(self.profile),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            # Some clients read the first variable, some the second.
            "NO_PROXY": direct,
            "no_proxy": direct,
        }


def start(
    state: Path, progress: Progress, *, address: str = ports.LOOPBACK, accelerators: str = DOCUMENTATION
) -> Emulator:
    """Start the emulator on `address` unless it runs, and wait until it answers. Its port is a free port on
    loopback, else NODES_PORT. `accelerators`: the network of the accelerators' addresses.

    Raises ProcessError, quoting the log, when it ends early or does not answer within READY_SECONDS.
    """
    processes = Processes(state, progress)
    with processes.guarding(NAME):
        fixed = "" if ports.may_be_any(address) else f"{address}:{NODES_PORT}"
        return ports.retried(
            lambda: _start(processes, progress, address, accelerators), progress, fixed=fixed
        )


def find(state: Path) -> Emulator | None:
    """The emulator of this state folder, if it runs."""
    running = Processes(state).find(NAME)
    file = state / URL
    return _emulator(state, file.read_text(), running) if running and file.exists() else None


def ensure_hosted_zone(url: str, zone_id: str, domain: str) -> None:
    """Create the Route53 hosted zone `zone_id` for `domain` in the emulator at `url`, unless it exists.

    Raises EmulatorError when the id belongs to another domain.
    """
    body = json.dumps({"id": zone_id, "domain": domain})
    status, answer = _request(url, "POST", HOSTED_ZONE_PATH, body)
    if status not in (http.client.OK, http.client.CREATED):
        raise EmulatorError(f"the emulator did not create the hosted zone {zone_id} for {domain}: {answer}")


def report_target_health(url: str, health: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Report the health of load balancers' targets to the emulator at `url`.

    `health` maps the ARN of a target group to all of its targets: `<address>:<port>` to state and reason.
    """
    status, answer = _request(url, "POST", TARGET_HEALTH_PATH, json.dumps(health))
    if status != http.client.OK:
        raise EmulatorError(f"the emulator rejected the health of targets: {answer}")


def _start(processes: Processes, progress: Progress, address: str, accelerators: str) -> Emulator:
    if not processes.alive(NAME):
        progress("starting the AWS emulator")
    port = processes.port(NAME) if ports.may_be_any(address) else NODES_PORT
    arguments = ["--address", address, "--port", str(port), "--accelerators", accelerators]
    running = processes.start_module(NAME, "local.aws.server", arguments, {"EMULATOR_SOURCE": _source()})
    url = f"http://{address}:{port}"
    processes.wait_for(lambda: _answers(url, running.pid), "the AWS emulator answers", [NAME], READY_SECONDS)
    write_atomically(processes.state / PROFILE, "[default]\n")
    write_atomically(processes.state / URL, url)
    return _emulator(processes.state, url, running)


def _emulator(state: Path, url: str, running: Running) -> Emulator:
    return Emulator(url=url, instance=_instance(running), profile=state / PROFILE)


def _source() -> str:
    """A digest of the emulator's sources: a change replaces the emulator."""
    return f"{source_digest(SOURCES)} moto {importlib.metadata.version('moto')}"


def _instance(running: Running) -> str:
    identity = f"{running.boot} {running.started} {running.pid}"
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def _answers(url: str, pid: int) -> bool:
    """Whether this process answers: another checkout's emulator may have taken the port."""
    try:
        return _request(url, "GET", IDENTITY_PATH) == (http.client.OK, str(pid))
    except (OSError, http.client.HTTPException):
        return False


def _request(url: str, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    """Status and text of the answer, without a proxy."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=REQUEST_SECONDS)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()
