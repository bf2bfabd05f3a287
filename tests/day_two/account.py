"""The AWS emulator with what moto lacks of EKS: Pod Identity associations. Certificates are valid at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from moto.core.responses import ActionResult
from moto.eks import urls
from moto.eks.exceptions import ResourceNotFoundException
from moto.eks.responses import EKSResponse

from local.aws import server
from local.aws.emulator import NAME, PROFILE, Emulator
from local.machine import ports
from local.machine.files import REPOSITORY
from local.machine.processes import Processes
from tests.services import until

PATHS = ("pod-identity-associations", "pod-identity-associations/(?P<associationId>[^/]+)")


class Associations(EKSResponse):
    """Pod Identity associations of all clusters, whether EKS has the cluster or not."""

    all: ClassVar[dict[str, dict[str, Any]]] = {}
    _numbers: ClassVar[Iterator[int]] = count()

    def _given(self) -> dict[str, Any]:
        names = {"name": "clusterName"} | {name: name for name in ("namespace", "serviceAccount", "roleArn")}
        found = {name: self._get_param(given) for given, name in names.items()}
        return {name: value for name, value in found.items() if value is not None}

    def create_pod_identity_association(self) -> ActionResult:
        identity = f"a-{next(self._numbers):017}"
        arn = f"arn:aws:eks:{self.region}:{self.current_account}:podidentityassociation/{identity}"
        made = {"associationId": identity, "associationArn": arn, "tags": {}, "region": self.region}
        self.all[identity] = made | self._given()
        return ActionResult({"association": self.all[identity]})

    def list_pod_identity_associations(self) -> ActionResult:
        cluster = (self.region, self._get_param("name"))
        found = [one for one in self.all.values() if (one["region"], one["clusterName"]) == cluster]
        return ActionResult({"associations": found})

    def describe_pod_identity_association(self) -> ActionResult:
        if found := self.all.get(self._get_param("associationId")):
            return ActionResult({"association": found})
        raise ResourceNotFoundException(message="no such association")

    def update_pod_identity_association(self) -> ActionResult:
        self.all[self._get_param("associationId")] |= self._given()
        return self.describe_pod_identity_association()

    def delete_pod_identity_association(self) -> ActionResult:
        return ActionResult({"association": self.all.pop(self._get_param("associationId"))})


def start(state: Path) -> Emulator:
    """Start it as a process of the state folder; return it once it answers."""
    port = ports.choose(except_for=())
    argv = [sys.executable, "-P", "-m", __name__, "--address", ports.LOOPBACK, "--port", str(port)]
    processes = Processes(state)
    environment = {"PYTHONPATH": str(REPOSITORY), "MOTO_ACM_VALIDATION_WAIT": "0"}
    running = processes.start(NAME, argv, environment)
    (state / PROFILE).write_text("[default]\n")
    found = Emulator(
        url=f"http://{ports.LOOPBACK}:{port}", instance=str(running.pid), profile=state / PROFILE
    )
    until(lambda: not ports.is_free(port), "the AWS emulator listens")
    return found


def main() -> None:
    dispatch = Associations().dispatch
    urls.url_paths |= {f"{{0}}/clusters/(?P<name>[^/]+)/{path}$": dispatch for path in PATHS}
    server.main()


if __name__ == "__main__":
    main()
