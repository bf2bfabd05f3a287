"""The AWS emulator's API. Calls and parameters are boto3's."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from local.machine.files import LocalError

ENDPOINT = "AWS_ENDPOINT_URL"
CONNECTIONS = 32

Values = dict[str, Any]


class ApiError(LocalError):
    """The emulator rejected a call; `code` is AWS's."""

    def __init__(self, call: str, code: str, message: str) -> None:
        if "<html" in message:  # moto's answer to an unknown path
            code, message = "NotImplemented", "the AWS emulator does not offer this call"
        super().__init__(f"{call}: {code}: {message}")
        self.code = code

    @property
    def not_found(self) -> bool:
        return self.code == "404" or any(part in self.code for part in ("NotFound", "NoSuch"))


def local_endpoint(environment: Mapping[str, str]) -> str:
    """The emulator's URL. Raises LocalError when it is missing or not an address of this machine."""
    url = environment.get(ENDPOINT, "")
    if not url:
        raise LocalError(f"{ENDPOINT}: missing (required): the URL of the AWS emulator on this machine")
    rule = f"{ENDPOINT}: must be an http URL with an address of this machine, got {url}"
    try:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise LocalError(rule)
        for family, kind, _, _, address in socket.getaddrinfo(parts.hostname, 0, type=socket.SOCK_STREAM):
            with socket.socket(family, kind) as probe:
                probe.bind(address)  # only an address of this machine can be bound
    except (OSError, ValueError) as error:
        raise LocalError(f"{rule} ({error})") from None
    return url


class Client:
    """Client of one service in one region."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.region: str = client.meta.region_name

    def shape(self, call: str) -> Any:
        """The call's parameters, as botocore models them."""
        operation = self._client.meta.method_to_api_mapping[call]
        return self._client.meta.service_model.operation_model(operation).input_shape

    def send(self, call: str, parameters: Values) -> Values:
        return self._checked(call, lambda: getattr(self._client, call)(**parameters))

    def list(self, call: str, parameters: Values) -> Values:
        """All pages of a listing as one answer."""
        pages = self._client.get_paginator(call).paginate(**parameters)
        return self._checked(call, pages.build_full_result)

    def _checked(self, call: str, send: Any) -> Values:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = dict(send())
        except ClientError as error:
            rejection = error.response["Error"]
            raise ApiError(call, rejection["Code"], rejection["Message"]) from None
        except BotoCoreError as error:
            raise LocalError(f"{call}: {error}") from None
        answer.pop("ResponseMetadata", None)
        return answer


class AwsApi:
    """The emulator's clients, created once for each service and region."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._url = local_endpoint(environment)
        self._credentials = {
            name.lower(): environment.get(name.upper(), "local")
            for name in ("aws_access_key_id", "aws_secret_access_key")
        }
        self._lock, self._clients = threading.Lock(), dict[tuple[str, str], Client]()

    def client(self, service: str, region: str) -> Client:
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = Client(self._create(service, region))
            return self._clients[service, region]

    def _create(self, service: str, region: str) -> Any:
        # Imported here: the import takes most of a second, and the engine waits for the port.
        import boto3
        from botocore.config import Config

        # An explicit endpoint and no proxies: nothing else in the environment can lead to a real account.
        settings = Config(max_pool_connections=CONNECTIONS, retries={"mode": "standard"}, proxies={})
        return boto3.client(
            service, region_name=region, endpoint_url=self._url, config=settings, **self._credentials
        )
