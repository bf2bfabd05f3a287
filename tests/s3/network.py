"""The test service's side that faces the network: a server in this process, S3's error page, a cut line."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from functools import cache
from socket import SHUT_RDWR
from typing import Any, NoReturn
from xml.sax.saxutils import escape

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Response

from local.aws import corrections
from local.aws.object_replication import WsgiApp

CODES = {301: "PermanentRedirect", 403: "AccessDenied", 500: "InternalError", 503: "SlowDown"}
POLL_SECONDS = 0.01
MD5 = re.compile(rb"\b[0-9a-f]{32}\b")


@cache
def moto() -> WsgiApp:
    """Moto's application, made once: its state is this process's anyhow."""
    corrections.apply()
    application: WsgiApp = DomainDispatcherApplication(create_backend_app)
    return application


class _Handler(MotoRequestHandler):
    """Says nothing of each request: `S3Service.calls` has them."""

    def log(self, type: str, message: str, *args: Any) -> None:
        if type == "error":
            super().log(type, message, *args)


def serve(application: WsgiApp, date: Callable[[], str]) -> BaseWSGIServer:
    """Serve at a free port of 127.0.0.1, a thread for each connection. `date`: each answer's header."""

    class Handler(_Handler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return date()

    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="test S3", daemon=True).start()
    return server


def error(status: int, message: str) -> Response:
    body = f"<Error><Code>{CODES[status]}</Code><Message>{escape(message)}</Message></Error>"
    return Response(body, status, content_type="application/xml")


def hide_md5(response: Response) -> None:
    """Replace each ETag by another one of the same form, as S3 does for what a KMS key encrypts."""

    def other(tag: re.Match[bytes]) -> bytes:
        return hashlib.md5(tag[0], usedforsecurity=False).hexdigest().encode()

    if "ETag" in response.headers:
        response.headers["ETag"] = MD5.sub(other, response.headers["ETag"].encode()).decode()
    if response.content_type and "xml" in response.content_type:
        response.set_data(
            re.sub(rb"<ETag>.*?</ETag>", lambda tag: MD5.sub(other, tag[0]), response.get_data())
        )


def hang_up(environ: dict[str, Any]) -> NoReturn:
    """End the connection without an answer."""
    environ["werkzeug.socket"].shutdown(SHUT_RDWR)
    raise ConnectionAbortedError("cut by the test")
