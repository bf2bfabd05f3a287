"""What happens to each resource that the program registers, and to each that it no longer does."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Final

from engine.placeholders import Placeholders, kubernetes_id
from engine.recorder import Registration
from engine.values import Change, Values, changes, revealed, storable
from local.aws_api import AwsApi
from local.embedded.aws import Aws
from local.embedded.driver import Creation, Driver
from local.embedded.kubernetes import Kubernetes
from local.embedded.state import Entry, State
from local.emulator import Emulator
from local.files import LocalError, Progress
from local.kubernetes_api import KubernetesApi

SIGNS: Final = {"create": "+", "update": "~", "replace": "±", "delete": "-", "keep": "=", "same": ""}
DONE: Final = {"keep": "kept", "same": "unchanged"}


@dataclass(frozen=True)
class Step:
    """What happens to one resource. `entry` is what the state will hold of it, or held."""

    action: str
    entry: Entry
    driver: Driver
    old: Entry | None = None
    changed: list[Change] = field(default_factory=list)
    replacing: list[Change] = field(default_factory=list)
    in_place: bool = False
    """A replacement under the same id: the old one has to go first."""

    def __str__(self) -> str:
        stays = self.action == "replace" and self.old and self.old["retain"]
        note = "  (not deleted; nothing manages it from now on)" if self.action == "keep" else ""
        note = "  (the old one is kept)" if stays else note
        return f"{SIGNS[self.action]} {self.action:<7}  {named(self.entry)}{note}"


def named(entry: Entry) -> str:
    """A resource as people know it."""
    is_object = entry["type"].startswith("kubernetes:")
    return f"{entry['type']}  {kubernetes_id(entry['inputs']) if is_object else entry['name']}"


class Deployment(Placeholders):
    """The monitor of one run. With `dry_run` it changes nothing; `steps` and `refusals` say what it would do.

    Without services (`emulator` and `kubeconfig` None) it calls nobody; functions answer with placeholders.
    The first error (`failure`) stops the run; what was done until then is in the state.
    """

    def __init__(
        self, state: State, progress: Progress, kubeconfig: Path | None, emulator: Emulator | None
    ) -> None:
        super().__init__()
        self.state, self._progress, self._kubeconfig = state, progress, kubeconfig
        self.steps, self.refusals = list[Step](), list[str]()
        self.failure: BaseException | None = None
        self._connected = emulator is not None or kubeconfig is not None
        self._stopped, self._gone, self._before = threading.Event(), set[str](), dict(state.resources)
        self._aws_api = AwsApi(emulator)
        self._aws = Aws(self._aws_api, self.region, self._stopped)
        self._clusters = dict[tuple[str, str], Kubernetes]()

    def stop(self) -> None:
        self._stopped.set()

    def invoke(self, token: str, args: Values, provider: str) -> Values:
        if self._connected:
            return self._aws_api.invoke(token, args, self.region(args))
        return super().invoke(token, args, provider)

    def resolve(self, registration: Registration) -> tuple[str, Values]:
        try:
            self._go_on()
            step = self._step(registration)
            if self.dry_run:
                made = step.old if step.action in ("same", "update") else None
            else:
                imported = bool(registration.import_id)
                made = self._carry_out(step, revealed(registration.inputs), imported=imported)
            self._report(step)
            return (made["id"], made["outputs"]) if made else ("", {})
        except BaseException as error:
            self.failure = self.failure or LocalError(f"{registration.type} {registration.name}: {error}")
            self.stop()
            raise

    def finish(self) -> None:
        """Delete, or keep, what the program no longer registers; what needs another goes before it."""
        gone = {urn: one for urn, one in self.state.resources.items() if urn not in self.registrations}
        graph = {urn: gone.keys() & set(one["dependencies"]) for urn, one in gone.items()}
        order = [gone[urn] for urn in reversed(list(TopologicalSorter(graph).static_order()))]
        replaced = {step.entry["urn"] for step in self.steps if step.action == "replace"}
        for entry in [*reversed(self.state.doomed), *order]:
            self._go_on()
            self._remove(entry, reported=entry["urn"] not in replaced)
        if not self.dry_run:
            self.state.save()

    def summary(self) -> str:
        """How many of each, or that nothing changed."""
        counted = Counter(step.action for step in self.steps)
        if counted.keys() <= {"same"}:
            return f"nothing changed: {counted['same']} resources are as the program has them"
        shown = (
            f"{sign} {counted[one]} {DONE.get(one, one + 'd')}" for one, sign in SIGNS.items() if counted[one]
        )
        return "Resources: " + ", ".join(part.strip() for part in shown)

    def _go_on(self) -> None:
        if self._stopped.is_set():
            raise LocalError("the deployment was stopped")

    # What is to be done.

    def _step(self, new: Registration) -> Step:
        if new.external or new.ignore_changes or new.replace_on_changes:
            raise LocalError(
                "the embedded engine has no get, ignore_changes or replace_on_changes: use the CLI"
            )
        entry = self._entry(new)
        driver = self._driver(entry)
        identity = driver.identity(new.type, new.inputs)
        entry["home"] = driver.home() if self._connected else ""
        old = self.state.find(new.urn, new.aliases)
        if old is None or self._is_gone(old, driver):
            return Step("create", entry, driver)
        changed = list(changes(old["inputs"], entry["inputs"]))
        replacing = driver.replacing(new.type, changed)
        in_place = new.delete_before_replace or identity == old["id"]
        action = "replace" if replacing else "update" if changed or old["pending"] else "same"
        if old["pending"] == "create" and not replacing:
            action = "create"
        step = Step(action, entry, driver, old, changed, replacing, in_place)
        why = ", ".join(map(str, replacing))
        if replacing and old["protect"]:
            self._refuse(f"{named(old)} would be replaced ({why}) and is protected: set protect: false first")
        elif replacing and old["retain"] and in_place:
            self._refuse(f"{named(old)} can't change in place ({why}) and its data is kept: take that back")
        return step

    def _entry(self, new: Registration) -> Entry:
        provider = new.provider.rpartition("::")[0]
        needed = {*new.dependencies, new.parent, provider} - {"", new.urn}
        known = {"urn": new.urn, "type": new.type, "name": new.name, "provider": provider}
        options = {"protect": new.protect, "retain": new.retain_on_delete, "dependencies": sorted(needed)}
        inputs, token = storable(new.inputs, self.state.salt), uuid.uuid4().hex
        made = {"id": "", "inputs": inputs, "outputs": {}, "home": "", "pending": "", "token": token}
        return known | options | made

    def _driver(self, entry: Entry) -> Driver:
        package = entry["type"].partition(":")[0]
        if package != "kubernetes":
            return Driver() if package == "pulumi" else self._aws
        now, before = self.registrations.get(entry["provider"]), self._before.get(entry["provider"])
        given: Any = revealed(now.inputs) if now else before["inputs"] if before else {}
        kubeconfig = given.get("kubeconfig") or str(self._kubeconfig or "")
        if isinstance(kubeconfig, dict):
            raise LocalError(f"{entry['provider']} left the program, and its kubeconfig was a secret")
        key = (str(kubeconfig), given.get("context") or "")
        return self._clusters.setdefault(key, Kubernetes(KubernetesApi(*key, self._stopped, self._progress)))

    def _is_gone(self, entry: Entry, driver: Driver) -> bool:
        """Whether what held the resource was made anew since, and so is empty."""
        gone = self._connected and driver.home() != entry["home"]
        if gone and entry["home"] not in self._gone:
            self._gone.add(entry["home"])
            holder = "the AWS emulator" if driver is self._aws else "the cluster"
            self._progress(f"{holder} was started anew and is empty: what was in it is made again")
        return gone

    def _refuse(self, text: str) -> None:
        if not self.dry_run:
            raise LocalError(text)
        self.refusals.append(text)

    # Doing it.

    def _carry_out(self, step: Step, inputs: Values, *, imported: bool) -> Entry:
        entry, old, kind, put = step.entry, step.old, step.entry["type"], step.driver.put
        if step.action == "same" and old:
            return self.state.put(entry | {"id": old["id"], "outputs": old["outputs"]}, save=False)
        if step.action == "update" and old:
            self.state.put(old | {"pending": "update"})
            identity, outputs = put(kind, inputs, old, Creation())
            return self.state.put(entry | {"id": identity, "outputs": outputs})
        resumed, doomed = False, None
        if step.action == "replace" and old and not old["retain"]:
            doomed = self._make_room(step, old)
        elif step.action == "create" and old:
            entry["token"], resumed = old["token"], True
        started = self.state.put(entry | {"pending": "create"}, doomed)
        identity, outputs = put(kind, inputs, None, Creation(entry["token"], resumed, imported))
        if resumed:  # the run that was killed may have made it from other inputs
            identity, outputs = put(kind, inputs, started | {"id": identity}, Creation())
        return self.state.put(entry | {"id": identity, "outputs": outputs})

    def _make_room(self, step: Step, old: Entry) -> Entry | None:
        """What is to be deleted after its replacement was made: nothing, when it had to go before."""
        if not step.in_place:
            return old
        step.driver.delete(old["type"], old)
        self.state.drop(old)
        return None

    def _remove(self, entry: Entry, *, reported: bool) -> None:
        driver, keeps = self._driver(entry), entry["retain"]
        gone = self._is_gone(entry, driver)
        if not gone and entry["protect"]:
            self._refuse(f"{named(entry)} left the program and is protected: set protect: false first")
        if not self.dry_run:
            try:
                if not gone and not keeps:
                    driver.delete(entry["type"], entry)
            except Exception as error:
                raise LocalError(f"{named(entry)}: {error}") from error
            self.state.drop(entry)
        if reported and not gone:
            self._report(Step("keep" if keeps else "delete", entry, driver))

    def _report(self, step: Step) -> None:
        self.steps.append(step)
        if step.action != "same":
            diff = [f"             {change}" for change in step.changed if self.dry_run]
            self._progress("\n".join([str(step), *diff]))
