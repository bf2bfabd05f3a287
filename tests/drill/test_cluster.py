"""The observers, on a real API server and over real sockets."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import pytest

from ops.drill.diagnosis import Diagnosis, last_problem
from ops.drill.evaluate.steps import Step
from ops.drill.observe.brains import BrainError, PodBrains
from ops.drill.observe.cluster import (
    Controllers,
    Endpoints,
    Flags,
    HealthPath,
    NoController,
    Probes,
    Workloads,
)
from ops.drill.observe.http import Address, send
from ops.drill.observe.record import (
    ANSWER,
    CLEAR,
    DEAD,
    FAIL,
    NONE,
    READY,
    SET,
    SYSTEM,
    Indicator,
    Record,
    State,
)
from ops.probing.port_forwards import PortForwards
from plan.names import SYSTEM_NAMESPACE
from runtime.controller.decide import cleared_reason
from tests.drill.platform import Objects, free_port, pages
from tests.drill.scenarios import EU, US, scenario

SCENARIO = scenario()
NAMESPACES = (SYSTEM_NAMESPACE, *SCENARIO.namespaces)


def states(seen: Any) -> dict[str, str]:
    return {subject: one.state for subject, one in seen.items()}


def test_flags_of_the_system_and_of_each_company_are_read(objects: Objects) -> None:
    objects.flags(SYSTEM_NAMESPACE, US)
    objects.flags("acme", EU, US)
    objects.flags("globex", "us-east-10")
    assert states(Flags(SCENARIO, objects.cluster).observe()) == {
        SYSTEM: SET,
        "acme": SET,
        "globex": CLEAR,
        "hooli": CLEAR,
    }


def test_an_endpoint_is_ready_unless_it_says_that_it_is_not(objects: Objects) -> None:
    objects.endpoints("acme", US, False, None)
    objects.endpoints("globex", US, False)
    objects.endpoints("hooli", EU, True)
    assert states(Endpoints(SCENARIO, objects.cluster).observe()) == {
        "acme": READY,
        "globex": NONE,
        "hooli": NONE,
    }


def round_of(at: int, **failures: str) -> tuple[int, str]:
    return 200, json.dumps({"leading": True, "problems": {}, "round": {"at": at, "failures": failures}})


def test_probes_fail_when_the_newest_round_of_any_controller_says_so(
    objects: Objects, forwards: PortForwards
) -> None:
    one, other = (objects.controller_pod(f"failover-controller-{name}") for name in "ab")
    probes = Probes(SCENARIO, Controllers(objects.cluster, forwards))
    first, second = {"/status": round_of(5)}, {"/status": round_of(4, **{f"acme/agent-{US}": "no answer"})}
    with pages(one, 8081, first), pages(other, 8081, second):
        assert states(probes.observe()) == {SYSTEM: ANSWER}
        second["/status"] = round_of(6, **{f"acme/agent-{US}": "no answer in 1 s", f"acme/agent-{EU}": "x"})
        [seen] = probes.observe().values()
        assert seen == State(state=FAIL, detail=f"1 probes failed, such as acme/agent-{US}: no answer in 1 s")
        second["/status"] = round_of(7, **{f"acme/brain-{EU}": "no answer"})
        assert states(probes.observe()) == {SYSTEM: ANSWER}
    with pytest.raises(NoController, match="no failover controller answers"):
        probes.observe()


def test_one_controller_that_answers_is_enough(objects: Objects, forwards: PortForwards) -> None:
    here, _ = (objects.controller_pod(f"failover-controller-{name}") for name in "ab")
    with pages(here, 8081, {"/status": round_of(5)}):
        assert states(Probes(SCENARIO, Controllers(objects.cluster, forwards)).observe()) == {SYSTEM: ANSWER}


def test_workloads_answer_when_agent_and_brain_do(objects: Objects, forwards: PortForwards) -> None:
    look = Workloads(SCENARIO, objects.cluster, forwards).observe
    well = {"/health": (200, "OK")}
    with ExitStack() as servers:
        for namespace in ("acme", "globex"):
            for kind, port in (("agent", 3000), ("brain", 3002)):
                address = objects.workload_pod(namespace, kind, US)
                servers.enter_context(pages(address, port, well if namespace == "acme" else {**well}))
        assert states(look()) == {"acme": ANSWER, "globex": ANSWER, "hooli": FAIL}
        well["/health"] = (500, "broken")
        seen = look()
        assert states(seen) == {"acme": FAIL, "globex": ANSWER, "hooli": FAIL}
        assert seen["acme"].detail == "agent: 500; brain: 500"
        assert "refused" in seen["hooli"].detail


def test_the_health_path_is_its_status_or_dead() -> None:
    answers = {f"/healthz/{US}": (503, "it has failed")}
    address, port = "127.0.0.1", free_port()
    look = HealthPath(
        SCENARIO, lambda name, request: send(Address(host=address, port=port, tls=False), request)
    ).observe
    [(host, path)] = SCENARIO.health
    with pages(address, port, answers):
        assert states(look()) == {f"{host}{path}": "503"}
        answers[path] = (200, "serves")
        assert states(look()) == {f"{host}{path}": "200"}
    assert states(look()) == {f"{host}{path}": DEAD}


# Gates, and what is found out from them.

READY_PAGE, FLAGGED = (200, "ready\n"), (503, f"region {US} is flagged as failed\n")


def diagnosis_of(objects: Objects, forwards: PortForwards, record: Record) -> Diagnosis:
    clusters = {US: objects.cluster, EU: objects.cluster}
    controllers = Controllers(objects.cluster, forwards)
    return Diagnosis(SCENARIO, objects.cluster, controllers, PodBrains(clusters, forwards), None, record)


@pytest.mark.parametrize(
    ("page", "probe", "reason"),
    [
        (
            READY_PAGE,
            (3010, "/ready"),
            "readiness ignores the flag: its gate answers 200 (ready) on /ready although",
        ),
        (FLAGGED, (3010, "/ready"), f"its gate answers 503 (region {US} is flagged as failed) on /ready"),
        (
            FLAGGED,
            (3000, "/health"),
            "readiness asks /health on port 3000 and not the gate, whose /ready answers 503",
        ),
    ],
)
def test_why_endpoints_stay_ready(
    objects: Objects, forwards: PortForwards, page: tuple[int, str], probe: tuple[int, str], reason: str
) -> None:
    record = Record()
    record.observe(Indicator.FLAG, {"acme": State(state=SET)}, 0, 0)
    address = objects.workload_pod("acme", "agent", US, probe=probe)
    with pages(address, 3010, {"/ready": page}):
        assert diagnosis_of(objects, forwards, record).reason(Step.ENDPOINTS, "acme").startswith(reason)


def test_why_a_flag_is_not_set(objects: Objects, forwards: PortForwards) -> None:
    address = objects.controller_pod("failover-controller-a")
    status = {
        "leading": False,
        "problems": {"api": "", "namespaces": {"acme": "403: cannot patch configmaps"}},
        "round": {"at": 1, "failures": {}, "changes": [{"region": US, "failed": True}]},
    }
    with pages(address, 8081, {"/status": (200, json.dumps(status))}):
        reason = diagnosis_of(objects, forwards, Record()).reason(Step.FLAG, SYSTEM)
    assert reason == "the controller reports: failover-controller-a: acme: 403: cannot patch configmaps"


def test_a_failed_diagnosis_says_why(objects: Objects, forwards: PortForwards) -> None:
    diagnosis = diagnosis_of(objects, forwards, Record())
    assert "no failover controller answers (there is no pod of it)" in diagnosis.reason(Step.FLAG, SYSTEM)
    assert "does not answer" in diagnosis.reason(Step.ENDPOINTS, "acme")
    assert "does not answer" in diagnosis.reason(Step.MEMORY, "acme")


def test_the_controller_s_log_is_read_from_its_end() -> None:
    lines = [
        {"event": "flags-not-changed", "why": "409: conflict"},
        {"event": "flags-not-changed", "why": "403: forbidden: cannot patch"},
        {"event": "round"},
    ]
    log = "\n".join(["not JSON", *map(json.dumps, lines), "{"])
    assert last_problem(log) == "flags-not-changed: 403: forbidden: cannot patch"
    assert last_problem('{"event": "round"}\n"text"') == ""


def test_the_required_rounds_are_in_the_newest_event(objects: Objects, forwards: PortForwards) -> None:
    diagnosis = diagnosis_of(objects, forwards, Record())
    assert diagnosis.required_rounds() is None
    for number, (region, asked) in enumerate([(US, 3), (US, 12), (EU, 99)]):
        body = {
            "metadata": {"name": f"one-{number}"},
            "involvedObject": {"kind": "ConfigMap", "namespace": SYSTEM_NAMESPACE, "name": "failed-regions"},
            "reason": "RegionCleared",
            "message": f"{region}: {cleared_reason(asked, asked)}",
            "lastTimestamp": f"2026-11-23T03:00:0{number}Z",
        }
        objects.cluster.api.call("POST", f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/events", body)
    assert diagnosis.required_rounds() == 12


@pytest.mark.parametrize(
    ("health", "ready", "reason"),
    [
        ({"role": "serving"}, READY_PAGE, ""),
        ({"role": "standby"}, READY_PAGE, f"the gate of brain-{US} has the role standby"),
        ({"role": "serving"}, (503, "catching up\n"), f"the gate of brain-{US} answers: catching up"),
    ],
)
def test_a_brain_serves_when_its_gate_says_so(
    objects: Objects, forwards: PortForwards, health: dict[str, str], ready: tuple[int, str], reason: str
) -> None:
    brains = PodBrains({US: objects.cluster}, forwards)
    address = objects.workload_pod("acme", "brain", US)
    with pages(address, 3010, {"/health": (200, json.dumps(health)), "/ready": ready}):
        assert brains.not_serving("acme", US) == reason
    with pytest.raises(BrainError, match=f"the gate of acme/brain-{US}-0 does not answer"):
        brains.not_serving("acme", US)
