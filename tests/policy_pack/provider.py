"""A fake of the AWS and the Kubernetes provider, for the real engine: resources get placeholder outputs.

A preview leaves these outputs unknown, as real providers do.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from engine.placeholders import Placeholders
from engine.recorder import Registration
from engine.values import COMPUTED, struct_to_plain, to_wire

THREADS = 16
NO_CHANGE, CHANGE = provider_pb2.DiffResponse.DIFF_NONE, provider_pb2.DiffResponse.DIFF_SOME


@contextmanager
def serving() -> Iterator[int]:
    """The port of a provider that runs until the end of the block."""
    server = grpc.server(ThreadPoolExecutor(THREADS))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self) -> None:
        self._placeholders = Placeholders()

    def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo()

    def CheckConfig(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        return self.Diff(request, context)

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        return provider_pb2.DiffResponse(changes=NO_CHANGE if request.old_inputs == request.news else CHANGE)

    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:
        identity, outputs = self._answer(request.urn, request.properties, request.preview)
        return provider_pb2.CreateResponse(id="" if request.preview else identity, properties=outputs)

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:
        return provider_pb2.UpdateResponse(
            properties=self._answer(request.urn, request.news, request.preview)[1]
        )

    def _answer(self, urn: str, inputs: struct_pb2.Struct, preview: bool) -> tuple[str, struct_pb2.Struct]:
        kind, name = urn.split("::")[2].rpartition("$")[2], urn.split("::", 3)[3]
        plain = struct_to_plain(inputs)
        one = Registration(urn=urn, type=kind, name=name, inputs=plain, custom=True)
        identity, added = self._placeholders.resolve(one)
        outputs = struct_pb2.Struct()
        outputs.CopyFrom(inputs)
        outputs.update(
            {key: to_wire(COMPUTED if preview else added[key]) for key in added if key not in plain}
        )
        return identity or name, outputs
