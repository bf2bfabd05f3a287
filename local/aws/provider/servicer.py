"""Pulumi's plugin protocol."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from engine.values import Change, struct_to_plain, to_wire
from local.aws.provider.api import Values
from local.aws.provider.buckets import BUCKET
from local.aws.provider.checks import path_of
from local.aws.provider.resources import Resources
from local.machine.files import LocalError

DIFF = provider_pb2.DiffResponse
KINDS = provider_pb2.PropertyDiff


def rpc(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """Implements a call of the protocol. A LocalError ends the call with its message."""

    def call(self: Any, request: Any, context: Any) -> Any:
        try:
            return method(self, request)
        except LocalError as error:
            return context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    return call


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves a stack's AWS resources.

    The engine sends the values of secrets and marks the outputs of the same names as secret.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema="{}")

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=version("pulumi_aws"))

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return DIFF(changes=DIFF.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        region = request.variables.get("aws:config:region") or struct_to_plain(request.args).get("region")
        self._resources.region = region or self._resources.region
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Cancel(self, request: Any, context: Any) -> Any:
        self._resources.stopped.set()
        return empty_pb2.Empty()

    @rpc
    def Check(self, request: Any) -> Any:
        kind, news, olds = kind_of(request), struct_to_plain(request.news), struct_to_plain(request.olds)
        inputs, problems = self._resources.check(kind, request.urn, news, olds)
        failures = [
            provider_pb2.CheckFailure(property=path, reason=problem)
            for path, problem in sorted(problems.items())
        ]
        return provider_pb2.CheckResponse(inputs=struct(inputs), failures=failures)

    @rpc
    def Diff(self, request: Any) -> Any:
        olds = struct_to_plain(request.old_inputs) or struct_to_plain(request.olds)
        news = struct_to_plain(request.news)
        changed, replacing, delete_first = self._resources.diff(kind_of(request), olds, news)
        return DIFF(
            changes=DIFF.DIFF_SOME if changed else DIFF.DIFF_NONE,
            diffs=sorted({change.path[0] for change in changed}),
            replaces=sorted({change.path[0] for change in replacing}),
            deleteBeforeReplace=delete_first,
            hasDetailedDiff=True,
            detailedDiff={path_of(each.path): _detail(each, each in replacing) for each in changed},
        )

    @rpc
    def Create(self, request: Any) -> Any:
        kind, inputs = kind_of(request), struct_to_plain(request.properties)
        if request.preview:
            preview = self._resources.preview(kind, inputs, {})
            return provider_pb2.CreateResponse(properties=struct(preview))
        identity, outputs = self._resources.create(kind, inputs)
        return provider_pb2.CreateResponse(id=identity, properties=struct(outputs))

    @rpc
    def Read(self, request: Any) -> Any:
        inputs, state = struct_to_plain(request.inputs), struct_to_plain(request.properties)
        resource = self._resources.read(kind_of(request), request.id, inputs, state)
        if resource is None:
            return provider_pb2.ReadResponse()
        identity = request.id.partition("@")[0] if kind_of(request) == BUCKET else request.id
        return provider_pb2.ReadResponse(
            id=identity, inputs=struct(resource[0]), properties=struct(resource[1])
        )

    @rpc
    def Update(self, request: Any) -> Any:
        kind, news, state = kind_of(request), struct_to_plain(request.news), struct_to_plain(request.olds)
        olds = struct_to_plain(request.old_inputs) or state
        outputs = (
            self._resources.preview(kind, news, state)
            if request.preview
            else self._resources.update(kind, request.id, olds, news)
        )
        return provider_pb2.UpdateResponse(properties=struct(outputs))

    @rpc
    def Delete(self, request: Any) -> Any:
        inputs = struct_to_plain(request.old_inputs) or struct_to_plain(request.properties)
        self._resources.delete(kind_of(request), request.id, inputs)
        return empty_pb2.Empty()

    @rpc
    def Invoke(self, request: Any) -> Any:
        answer = self._resources.invoke(request.tok, struct_to_plain(request.args))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(struct(answer))  # a keyword of Python
        return response


def kind_of(request: Any) -> str:
    """The type of the request's resource."""
    return str(request.urn).split("::")[2].rpartition("$")[2]


def struct(values: Values) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(to_wire(values))
    return message


def _detail(change: Change, replaces: bool) -> Any:
    kind = "ADD" if change.old is None else "DELETE" if change.new is None else "UPDATE"
    return KINDS(kind=KINDS.Kind.Value(kind + "_REPLACE" * replaces), inputDiff=True)
