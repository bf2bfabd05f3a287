"""MCP over HTTP as any client speaks it: one JSON-RPC request on `POST /messages`, no session before it.

The answer comes as JSON or as a body of server-sent events.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from clients.http_client import HttpError, Response, quoted, request

TIMEOUT_SECONDS = 30.0
_EVENTS = "text/event-stream"
_HEADERS = {"Accept": f"application/json, {_EVENTS}", "Content-Type": "application/json"}

_ids = itertools.count(1)


class McpError(HttpError):
    """The server gave no result: the text says what was requested, where, and what came."""


def call(base_url: str, tool: str, arguments: Mapping[str, Any], timeout: float = TIMEOUT_SECONDS) -> str:
    """The text that a tool answers. Raises McpError, also for an answer that the tool marks as an error."""
    what = f"{tool} at {base_url}"
    try:
        result = _request(base_url, {"name": tool, "arguments": dict(arguments)}, timeout, what)
    except HttpError as error:
        raise McpError(str(error)) from error
    content = result.get("content") if isinstance(result, dict) else None
    if not isinstance(content, list):
        raise McpError(f"{what}: the result has no content: {quoted(json.dumps(result))}")
    text = "\n".join(str(part.get("text", "")) for part in content if part.get("type") == "text")
    if result.get("isError"):
        raise McpError(f"{what}: the tool failed: {quoted(text)}")
    return text


def _request(base_url: str, parameters: Mapping[str, Any], timeout: float, what: str) -> Any:
    """The result of one `tools/call`."""
    id = next(_ids)
    body = json.dumps({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": parameters})
    url = f"{base_url.rstrip('/')}/messages"
    with request(what, "POST", url, timeout, body, _HEADERS) as response:
        if response.status != HTTPStatus.OK:
            raise McpError(f"{what}: status {response.status}: {quoted(response.text())}")
        messages = _events(response) if response.content_type == _EVENTS else iter([response.text()])
        for message in messages:
            answer = _parsed(message, what)
            if answer.get("id") == id:
                return _result(answer, what)
    raise McpError(f"{what}: the answer ended without a response to the request")


def _result(answer: Mapping[str, Any], what: str) -> Any:
    if "error" in answer:
        error = answer["error"]
        message = error.get("message", error) if isinstance(error, dict) else error
        raise McpError(f"{what}: refused: {quoted(str(message))}")
    return answer.get("result")


def _parsed(message: str, what: str) -> Mapping[str, Any]:
    try:
        answer = json.loads(message)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise McpError(f"{what}: no JSON-RPC message: {quoted(message)}")
    return answer


def _events(response: Response) -> Iterator[str]:
    """The data of each event (HTML standard, "Interpreting an event stream"); other fields are not needed."""
    data: list[str] = []
    for line in response.lines():
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []
    if data:
        yield "\n".join(data)
