"""The official client calls every tool, over stdio and over HTTP, in both eras of the protocol."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import jsonschema
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from tests.drill.scenarios import US
from tests.mcp.servers import OUTAGE, Simulated, refusal, result, run, token_of

TOOLS = ["get_status", OUTAGE, "get_drill_report", "run_validation", "list_restore_points"]


@asynccontextmanager
async def connected(simulated: Simulated, transport: str, mode: str) -> AsyncIterator[Client]:
    if transport == "stdio":
        async with Client(simulated.stdio, mode=mode) as client:
            yield client
    else:
        with simulated.http() as server:
            async with server.client(mode=mode) as client:
                yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_an_outage_takes_a_dry_run_then_a_run_with_progress_and_is_reported(
    simulated: Simulated, transport: str, mode: str
) -> None:
    async def main() -> None:
        async with connected(simulated, transport, mode) as client:
            listed = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert list(listed) == TOOLS
            planned = await result(client, OUTAGE, region=US)
            assert (planned["dry_run"], planned["report"]) == (True, None)
            assert planned["companies"] == ["acme", "globex", "hooli"]
            assert planned["protected"] == ["globex"]
            assert not simulated.down.exists()

            lines: list[str] = []

            async def progress(done: float, total: float | None, message: str | None) -> None:
                lines.append(message or "")

            token = planned["confirmation_token"]
            assert token.startswith(f"local/{US}/scale/")
            call = {"region": US, "dry_run": False, "confirmation_token": token}
            answer = await client.call_tool(OUTAGE, call, progress_callback=progress)
            assert not answer.is_error, answer.content
            done = answer.structured_content
            jsonschema.validate(done, listed[OUTAGE].output_schema or {})
            assert done["report"]["ok"] and done["effect"].startswith("6 StatefulSets scaled to 0")
            assert any("flag set" in line for line in lines)

            report = await result(client, "get_drill_report")
            assert report == done["report"]
            assert report["region"] == US and report["runs"][0]["fault"] == "scale"
            gap = next(each for each in report["spans"] if each["what"].startswith("client without"))
            assert gap["promised_seconds"] >= gap["longest_seconds"] > 0

    run(main)
    assert not simulated.down.exists()


def test_every_tool_has_schemas_and_only_an_outage_disturbs(simulated: Simulated) -> None:
    async def main() -> None:
        async with Client(simulated.stdio) as client:
            tools = (await client.list_tools()).tools
        for tool in tools:
            assert tool.description and tool.output_schema and tool.annotations
            assert tool.input_schema["additionalProperties"] is False
            for schema in (tool.input_schema, tool.output_schema):
                jsonschema.Draft202012Validator.check_schema(schema)
            assert tool.annotations.read_only_hint is (tool.name != OUTAGE)
        [outage] = [tool.input_schema for tool in tools if tool.name == OUTAGE]
        assert outage["properties"]["dry_run"]["default"] is True
        assert outage["required"] == ["region"]

    run(main)


def test_a_validation_stores_nothing(simulated: Simulated) -> None:
    async def main() -> None:
        async with Client(simulated.stdio) as client:
            found = await result(client, "run_validation", companies=["acme"])
        checks = {each["check"]: each for each in found["checks"]}
        assert found["passed"] is False and checks["answers"]["status"] == "failed"
        assert checks["answers"]["look"] == "kubectl describe pod"
        assert checks["HR proposal"]["detail"] == "stores test data, which --read-only forbids"

    run(main)


def test_http_needs_the_token_of_the_file_as_it_is_now(simulated: Simulated) -> None:
    other = "f" * 32

    async def rejected(token: str) -> None:
        with pytest.raises((MCPError, ExceptionGroup)):
            async with server.client(token) as client:
                await client.list_tools()

    async def accepted(token: str) -> None:
        async with server.client(token) as client:
            assert (await client.list_tools()).tools

    async def main() -> None:
        for wrong in ("", other, "é"):
            await rejected(wrong)
        await accepted("0123456789abcdef0123456789abcdef")
        (simulated.folder / "token").write_text(other)
        await accepted(other)
        (simulated.folder / "token").unlink()
        await rejected(other)

    with simulated.http() as server:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(urllib.request.Request(server.url, b"{}"))
        run(main)


def test_reports_are_of_this_stack_alone(simulated: Simulated) -> None:
    folder = simulated.folder / "drills"
    folder.mkdir()
    (folder / "20260101T000000Z.json").write_text(json.dumps({"stack": "prod", "distribution": {}}))
    (folder / "20260101T000001Z.json").write_text("no JSON")
    refused = {
        **{key: key for key in ("region", "policy", "started")},
        "stack": "local",
        "ok": False,
        "companies": [],
        "problems": ["nothing was done: the stack is not healthy"],
        "distribution": {"all": []},
        "runs": [],
    }

    async def main() -> None:
        async with Client(simulated.stdio) as client:
            assert "has no report of the stack local" in await refusal(client, "get_drill_report")
            token = await token_of(client)
            run_ = await result(client, OUTAGE, region=US, dry_run=False, confirmation_token=token)
            name = run_["report"]["name"]
            wrong = await refusal(client, "get_drill_report", name="20260101T000000Z")
            assert wrong.endswith(f"name: must be one of {name}; got 20260101T000000Z")
            # A drill that was refused later has measured nothing.
            (folder / "29990101T000000Z.json").write_text(json.dumps(refused))
            newest = await result(client, "get_drill_report")
            assert (newest["name"], newest["others"]) == (name, ["29990101T000000Z"])
            of_refused = await result(client, "get_drill_report", name="29990101T000000Z")
            assert of_refused["problems"] == refused["problems"]
            (folder / f"{name}.json").unlink()
            assert "refused: 29990101T000000Z" in await refusal(client, "get_drill_report")

    run(main)
