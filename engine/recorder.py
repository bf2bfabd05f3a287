"""Records a program's registrations as the real engine receives them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import mocks
from pulumi.runtime.proto import alias_pb2, engine_pb2, resource_pb2

from engine.values import struct_to_plain, to_wire

STACK_TYPE: Final = "pulumi:pulumi:Stack"
SEVERITIES: Final = {
    engine_pb2.INFO: "info",
    engine_pb2.WARNING: "warning",
    engine_pb2.ERROR: "error",
}


class DuplicateUrnError(Exception):
    """A URN was registered twice; the real engine rejects it with the same message."""

    def __init__(self, urn: str) -> None:
        super().__init__(f"Duplicate resource URN '{urn}'; try giving it a unique name")
        self.urn = urn


@dataclass(kw_only=True, slots=True)
class Registration:
    """A registered resource. References to other resources are URNs."""

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    custom: bool
    parent: str = ""
    provider: str = ""  # "<urn>::<id>"; "" is the package's default provider
    providers: dict[str, str] = field(default_factory=dict)
    protect: bool = False
    retain_on_delete: bool = False
    aliases: tuple[str, ...] = ()  # URNs, including those from the parents' aliases
    dependencies: frozenset[str] = frozenset()
    property_dependencies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    import_id: str = ""
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    delete_before_replace: bool = False
    deleted_with: str = ""
    external: bool = False  # read with `.get`, not managed
    id: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)


class Recorder(mocks.MockMonitor):
    """A monitor that records every registration. Subclasses return outputs of resources and functions.

    Several threads call it at the same time; `resolve` and `invoke` run without a lock.
    """

    def __init__(self) -> None:
        # Only handlers of the base class use its mocks, and all of them are overridden here.
        super().__init__(None)  # type: ignore[arg-type]
        self.lock = threading.Lock()
        self.begin("", "", {}, dry_run=False)

    def begin(self, project: str, stack: str, config: Mapping[str, str], *, dry_run: bool) -> None:
        """Start a run, and discard the previous run."""
        self.project, self.stack, self.config, self.dry_run = project, stack, config, dry_run
        self.registrations: dict[str, Registration] = {}
        self.invokes: list[tuple[str, dict[str, Any], str]] = []
        self.messages: list[tuple[str, str, str]] = []  # (severity, text, urn)

    @property
    def stack_urn(self) -> str:
        return self.make_urn("", STACK_TYPE, f"{self.project}-{self.stack}")

    # For subclasses.

    def resolve(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        """The id ("" is unknown) of a custom resource, and its outputs besides the inputs."""
        return ("" if self.dry_run else f"{registration.name}-id"), {}

    def invoke(self, token: str, args: dict[str, Any], provider: str) -> dict[str, Any]:
        """The result of a provider's function."""
        raise NotImplementedError(f"no answer for the function {token}")

    # Called by the SDK.

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        parent_types = parent.split("::")[2] if parent else STACK_TYPE
        qualified = type_ if parent_types == STACK_TYPE else f"{parent_types}${type_}"
        return f"urn:pulumi:{self.stack}::{self.project}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:
        registration = self._registration(request)
        self._record(registration)
        response = resource_pb2.RegisterResourceResponse(urn=registration.urn)
        if not registration.custom:
            return response
        registration.id, registration.outputs = self.resolve(registration)
        response.id = registration.id
        response.object.CopyFrom(request.object)
        response.object.update(to_wire(registration.outputs))
        return response

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:
        registration = Registration(
            urn=self.make_urn(request.parent, request.type, request.name),
            type=request.type,
            name=request.name,
            inputs=struct_to_plain(request.properties),
            custom=True,
            external=True,
            parent=request.parent,
            provider=request.provider,
            import_id=request.id,
            dependencies=frozenset(request.dependencies),
        )
        self._record(registration)
        registration.id, registration.outputs = self.resolve(registration)
        properties = struct_pb2.Struct()
        properties.CopyFrom(request.properties)
        properties.update(to_wire(registration.outputs))
        return resource_pb2.ReadResourceResponse(
            urn=registration.urn, id=registration.id, properties=properties
        )

    def RegisterResourceOutputs(self, request: Any) -> empty_pb2.Empty:
        self.registrations[request.urn].outputs = struct_to_plain(request.outputs)
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> resource_pb2.ResourceInvokeResponse:
        args = struct_to_plain(request.args)
        with self.lock:
            self.invokes.append((request.tok, args, request.provider))
        returned = struct_pb2.Struct()
        returned.update(to_wire(self.invoke(request.tok, args, request.provider)))
        return resource_pb2.ResourceInvokeResponse(**{"return": returned})  # type: ignore[arg-type]

    def Log(self, request: Any) -> empty_pb2.Empty:
        if request.severity in SEVERITIES:
            with self.lock:
                self.messages.append((SEVERITIES[request.severity], request.message, request.urn))
        return empty_pb2.Empty()

    def _record(self, registration: Registration) -> None:
        with self.lock:
            if registration.urn in self.registrations:
                raise DuplicateUrnError(registration.urn)
            self.registrations[registration.urn] = registration

    def _registration(self, request: Any) -> Registration:
        return Registration(
            urn=self.make_urn(request.parent, request.type, request.name),
            type=request.type,
            name=request.name,
            inputs=struct_to_plain(request.object),
            custom=request.custom,
            parent=request.parent,
            provider=request.provider,
            providers=dict(request.providers),
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            aliases=tuple(self._aliases(request)),
            dependencies=frozenset(request.dependencies),
            property_dependencies={k: tuple(sorted(v.urns)) for k, v in request.propertyDependencies.items()},
            import_id=request.importId,
            ignore_changes=tuple(request.ignoreChanges),
            replace_on_changes=tuple(request.replaceOnChanges),
            delete_before_replace=request.deleteBeforeReplace,
            deleted_with=request.deletedWith,
        )

    def _aliases(self, request: Any) -> Iterable[str]:
        """Possible former URNs of a resource: its own aliases, and those below its parent's aliases."""
        own = [self._alias_urn(alias, request) for alias in request.aliases]
        parent = self.registrations.get(request.parent)
        inherited = []
        for parent_alias in parent.aliases if parent else ():
            for urn in [self.make_urn(request.parent, request.type, request.name), *own]:
                name, kind = urn.split("::", 3)[3], urn.split("::")[2].rsplit("$", 1)[-1]
                if parent and name.startswith(parent.name):
                    name = parent_alias.split("::", 3)[3] + name[len(parent.name) :]
                inherited.append(self.make_urn(parent_alias, kind, name))
        return dict.fromkeys([*own, *inherited])

    def _alias_urn(self, alias: alias_pb2.Alias, request: Any) -> str:
        if alias.urn:
            return alias.urn
        spec = alias.spec
        parent = "" if spec.noParent else spec.parentUrn or request.parent
        urn = self.make_urn(parent, spec.type or request.type, spec.name or request.name)
        _, _, rest = urn.split("::", 2)
        return f"urn:pulumi:{spec.stack or self.stack}::{spec.project or self.project}::{rest}"
