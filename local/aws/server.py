"""`python -m local.aws.server`: the AWS emulator: moto's server, corrected, with object replication and with
Global Accelerator's API.

Three calls are not AWS's. `GET /digital-agency/process` returns the process id. `POST
/digital-agency/hosted-zone` with `{"id": …, "domain": …}` creates a Route53 hosted zone with this id: a stack
file names its zone by id, and moto's API draws ids at random. `POST /digital-agency/target-health` takes the
health of load balancers' targets (`report_target_health`).

Objects are replicated by the buckets' rules, in any order, within REPLICATION_SECONDS.
"""

import argparse
import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.route53.models import HostedZoneIdentifier, Route53Backend, route53_backends
from moto.utilities.id_generator import moto_id_manager
from werkzeug.serving import run_simple
from werkzeug.wrappers import Request, Response

from local.aws.corrections import apply
from local.aws.corrections.elbv2 import balancer_health, set_health
from local.aws.emulator import DOCUMENTATION, HOSTED_ZONE_PATH, IDENTITY_PATH, TARGET_HEALTH_PATH
from local.aws.global_accelerator import TARGET, GlobalAccelerator
from local.aws.object_replication import ObjectReplication, RandomDelay, WsgiApp

REPLICATION_SECONDS = 2.0


class Application:
    """moto's WSGI application, and the calls that are not AWS's."""

    def __init__(self, aws: WsgiApp, accelerators: str) -> None:
        """`accelerators`: the network of their addresses."""
        self._aws, self._accelerators = aws, GlobalAccelerator(balancer_health, accelerators)
        self._lock = Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == IDENTITY_PATH:
            return Response(str(os.getpid()))(environ, start_response)
        if path == HOSTED_ZONE_PATH:
            with self._lock:
                response = _ensure_hosted_zone(json.loads(Request(environ).get_data()))
            return response(environ, start_response)
        if path == TARGET_HEALTH_PATH:
            set_health(json.loads(Request(environ).get_data()))
            return Response()(environ, start_response)
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if target.startswith(TARGET):
            parameters = json.loads(Request(environ).get_data() or b"{}")
            status, document = self._accelerators.answer(target.removeprefix(TARGET), parameters)
            kind = "application/x-amz-json-1.1"
            return Response(json.dumps(document), status, content_type=kind)(environ, start_response)
        return self._aws(environ, start_response)


def _ensure_hosted_zone(wanted: Mapping[str, str]) -> Response:
    zone_id, name = wanted["id"], wanted["domain"].rstrip(".") + "."
    backend: Route53Backend = route53_backends[DEFAULT_ACCOUNT_ID]["aws"]
    if zone := backend.zones.get(zone_id):
        if zone.name == name:
            return Response(status=200)
        return Response(f"the hosted zone {zone_id} is for {zone.name}, not for {name}", status=409)
    identifier = HostedZoneIdentifier(DEFAULT_ACCOUNT_ID, name, None)
    moto_id_manager.set_custom_id(identifier, zone_id)
    try:
        backend.create_hosted_zone(name, private_zone=False)
    finally:
        moto_id_manager.unset_custom_id(identifier)
    return Response(status=201)


def main() -> None:
    """Serve until a signal ends the process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--accelerators", default=DOCUMENTATION, help="network of accelerators' addresses")
    args = parser.parse_args()
    # A line for each request would fill the disk: gates upload every few seconds.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    apply()
    lock = Lock()
    moto = DomainDispatcherApplication(create_backend_app)
    aws = ObjectReplication(moto, RandomDelay(REPLICATION_SECONDS, lock), lock)
    server: dict[str, Any] = {"threaded": True, "request_handler": MotoRequestHandler}
    run_simple(args.address, args.port, Application(aws, args.accelerators), **server)


if __name__ == "__main__":
    main()
