"""The plugin's process. The Pulumi engine starts the process, reads its port and ends it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2_grpc

from local.aws.provider.api import CONNECTIONS, AwsApi
from local.aws.provider.resources import Resources
from local.aws.provider.servicer import Provider
from local.machine.files import LocalError

WATCH_SECONDS: Final = 1.0
MESSAGE_BYTES: Final = 64 * 2**20


def main() -> None:
    parent, ended = os.getppid(), threading.Event()
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    try:
        resources = Resources(AwsApi())
    except LocalError as error:
        sys.exit(str(error))
    options = [
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        ("grpc.max_send_message_length", MESSAGE_BYTES),
    ]
    server = grpc.server(ThreadPoolExecutor(CONNECTIONS), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(resources), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while not ended.wait(WATCH_SECONDS):
        if os.getppid() != parent:  # a killed engine does not end its plugins
            os._exit(1)
    server.stop(grace=None)
    resources.buckets.close()


if __name__ == "__main__":
    main()
