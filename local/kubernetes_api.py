"""The Kubernetes API as the local target uses it: what fails is a LocalError."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clients import kubernetes_api
from clients.kubernetes_api import Object
from local.machine.files import LocalError

__all__ = ["ApiError", "KubernetesApi", "Object"]


class ApiError(kubernetes_api.ApiError, LocalError):
    """The API server refused a call; the message is its own."""


class KubernetesApi(kubernetes_api.KubernetesApi):
    def wait(
        self, manifest: Object, done: Callable[[Object], bool] | None, what: str, limit: float
    ) -> Object | None:
        with _as_local_error():
            return super().wait(manifest, done, what, limit)

    def path(self, manifest: Object) -> str:
        with _as_local_error():
            return super().path(manifest)

    def call(
        self, method: str, path: str, body: Object | None = None, content: str = "application/json"
    ) -> Object:
        with _as_local_error():
            return super().call(method, path, body, content)


@contextmanager
def _as_local_error() -> Iterator[None]:
    try:
        yield
    except LocalError:
        raise
    except kubernetes_api.ApiError as error:
        raise ApiError(error.status, str(error)) from error
    except kubernetes_api.KubernetesError as error:
        raise LocalError(str(error)) from error
