"""Clients that misbehave: the region is up again, whatever they do."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client

from ops.drill.preconditions import LAST_SERVING_HINT
from tests.drill.scenarios import EU, US
from tests.mcp.servers import OUTAGE, Simulated, appears, refusal, result, run, token_of
from tests.recording import ROOT
from tests.reference_app.programs import children
from tests.services import until

WRONG = [
    (OUTAGE, {}, "region\n  Field required"),
    (OUTAGE, {"region": "us-west-2"}, f"region: must be one of {US}, {EU}; got us-west-2"),
    (OUTAGE, {"region": US, "fault": "fire"}, "Input should be 'scale', 'node', 'zone', 'network' or 'gray'"),
    (OUTAGE, {"region": US, "dryRun": False}, "dryRun\n  Extra inputs are not permitted"),
    (OUTAGE, {"region": US, "dry_run": False}, "confirmation_token: missing (required with dry_run false)"),
    (OUTAGE, {"region": US, "dry_run": "no way"}, "Input should be a valid boolean"),
    ("list_restore_points", {"company": "initech"}, ": company: initech is not in"),
    ("list_restore_points", {"company": "acme", "component": "x"}, "Input should be 'brain' or 'agent'"),
    ("run_validation", {"companies": "acme"}, "Input should be a valid list"),
    ("get_status", {"company": "initech"}, "must be one of acme, globex, hooli, initrode"),
    ("restore", {}, "Unknown tool"),
    # Options of the command that validates: one starts a shell command.
    ("run_validation", {"companies": ["acme", "--brain", "touch drills"]}, "must be one of acme, globex"),
    ("run_validation", {"companies": ["--destructive"]}, "must be one of acme, globex"),
    ("simulate_regional_outage", {"region": US, "dry_run": "no"}, "Input should be a valid boolean"),
    ("get_status", {"company": "x" * 100_000}, "company: xxx"),
    ("get_status", {"company": "x" * 100_000}, "must be one of acme, globex, hooli, initrode"),
    ("get_status", {"x" * 100_000: True}, "Extra inputs are not permitted"),
    ("get_status", {f"argument_{number}": True for number in range(1000)}, "1000 validation errors"),
    ("x" * 100_000, {}, "Unknown tool: xxx"),
    # Text that is JSON stays text, but for lists, which some clients write as text.
    ("get_status", {"company": "null"}, "must be one of acme, globex, hooli, initrode"),
    ("get_status", {"company": "[]"}, "must be one of acme, globex, hooli, initrode"),
    ("get_drill_report", {"name": "null"}, "has no report of the stack local"),
    ("list_restore_points", {"company": "acme", "component": "null"}, "input_value='null'"),
    (
        OUTAGE,
        {"region": US, "dry_run": False, "confirmation_token": "null"},
        "confirmation_token: is for no outage",
    ),
    ("run_validation", {"companies": '["initech"]'}, "must be one of acme, globex"),
    ("run_validation", {"companies": "null"}, "Input should be a valid list"),
]


def test_wrong_arguments_are_refused_with_what_is_allowed(simulated: Simulated) -> None:
    async def main() -> None:
        async with Client(simulated.stdio) as client:
            for tool, arguments, text in WRONG:
                refused = await refusal(client, tool, **arguments)
                assert text in refused and len(refused) < 3000

    run(main)
    assert not (simulated.folder / "drills").exists()


def test_a_token_is_good_for_one_outage_alone(simulated: Simulated) -> None:
    async def main() -> None:
        async with Client(simulated.stdio) as client, Client(simulated.stdio) as other:
            token = await token_of(client)
            call = {"dry_run": False, "confirmation_token": token}
            assert f"this call is for local/{EU}/scale" in await refusal(client, OUTAGE, region=EU, **call)
            assert "this call is for" in await refusal(client, OUTAGE, region=US, fault="gray", **call)
            assert "this server has not returned it" in await refusal(other, OUTAGE, region=US, **call)
            assert (await result(client, OUTAGE, region=US, **call))["report"]["ok"]
            assert "was used already" in await refusal(client, OUTAGE, region=US, **call)

    run(main)


def test_another_stack_s_token_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with Client(one.stdio) as first, Client(two.stdio) as second:
            token = await token_of(first)
            call = {"region": US, "dry_run": False, "confirmation_token": token}
            assert f"is for staging/{US}/scale, this call is for prod/" in await refusal(
                second, OUTAGE, **call
            )

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = Simulated(tmp_path / "one", "staging"), Simulated(tmp_path / "two", "prod")
    run(main)
    assert not one.down.exists() and not two.down.exists()


def test_node_faults_are_for_the_local_stack_alone(tmp_path: Path) -> None:
    async def main() -> None:
        async with Client(staging.stdio) as client:
            assert ": fault node: only on the local target" in await refusal(
                client, OUTAGE, region=US, fault="node"
            )

    staging = Simulated(tmp_path, "staging")
    run(main)


def test_the_last_serving_region_is_never_taken_down(simulated: Simulated) -> None:
    text = f"nothing was done: {US} is the last region that serves"

    async def main() -> None:
        async with Client(simulated.stdio) as client:
            token = await token_of(client)
        (simulated.folder / "refusal").write_text(text + LAST_SERVING_HINT)
        async with Client(simulated.stdio) as client:
            assert (await refusal(client, OUTAGE, region=US)).endswith(text)
            call = {"region": US, "dry_run": False, "confirmation_token": token}
            assert text in await refusal(client, OUTAGE, **call)

    run(main)
    assert not (simulated.folder / "drills").exists()


def test_two_outages_at_once_are_one_in_one_server_and_across_processes(simulated: Simulated) -> None:
    simulated.hold.touch()

    async def main() -> None:
        async with Client(simulated.stdio) as client, Client(simulated.stdio) as other:
            first, second = await token_of(client), await token_of(client)
            foreign = await token_of(other)
            held = asyncio.create_task(
                result(client, OUTAGE, region=US, dry_run=False, confirmation_token=first)
            )
            await appears(simulated.down)
            call = {"region": US, "dry_run": False, "confirmation_token": second}
            assert f"an outage runs already: local/{US}/scale" in await refusal(client, OUTAGE, **call)
            assert "an outage runs already" in await refusal(client, OUTAGE, region=US)
            call["confirmation_token"] = foreign
            assert "another drill of this stack runs" in await refusal(other, OUTAGE, **call)
            by_hand = await asyncio.to_thread(drill_by_hand, simulated)
            assert "another drill of this stack runs" in by_hand
            assert not held.done()
            simulated.hold.unlink()
            assert (await held)["report"]["ok"]
            # What was refused has used up no token.
            assert (await result(other, OUTAGE, **call))["report"]["ok"]

    run(main)
    assert len(list((simulated.folder / "drills").glob("*.json"))) == 2


def drill_by_hand(simulated: Simulated) -> str:
    argv = simulated.argv("server", "drill", "--region", US, "--yes", "--out", str(simulated.folder))
    environment = {**os.environ, **simulated.environment}
    done = subprocess.run([sys.executable, *argv], cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.stderr


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_http_client_that_goes_away_in_the_middle_ends_the_outage(simulated: Simulated, mode: str) -> None:
    simulated.hold.touch()

    async def main() -> None:
        async with server.client(mode=mode) as client:
            token = await token_of(client)
        caller = subprocess.Popen(
            [sys.executable, "-m", "tests.mcp.caller", server.url, mode, token], cwd=ROOT
        )
        await appears(simulated.down)
        caller.kill()
        caller.wait()
        await asyncio.to_thread(simulated.free)
        simulated.hold.unlink()
        async with server.client(mode=mode) as client:
            token = await token_of(client)
            call = {"region": US, "dry_run": False, "confirmation_token": token}
            assert (await result(client, OUTAGE, **call))["report"]["ok"]

    with simulated.http() as server:
        run(main)


def test_a_cancelled_call_ends_the_outage(simulated: Simulated) -> None:
    simulated.hold.touch()

    async def main() -> None:
        async with Client(simulated.stdio) as client:
            token = await token_of(client)
            call = asyncio.create_task(
                client.call_tool(OUTAGE, {"region": US, "dry_run": False, "confirmation_token": token})
            )
            await appears(simulated.down)
            call.cancel()
            await asyncio.to_thread(simulated.free)

    run(main)


def test_a_stdio_client_that_goes_away_ends_the_outage_though_it_kills_the_server(
    simulated: Simulated,
) -> None:
    simulated.hold.touch()

    async def main() -> None:
        async with Client(simulated.stdio) as client:
            token = await token_of(client)
            call = asyncio.create_task(
                client.call_tool(OUTAGE, {"region": US, "dry_run": False, "confirmation_token": token})
            )
            await appears(simulated.down)
        call.cancel()

    run(main)
    simulated.free()


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        signal.SIGKILL,
        *(pytest.param(each, marks=pytest.mark.slow) for each in (signal.SIGINT, signal.SIGHUP)),
    ],
)
def test_a_server_that_is_ended_ends_the_outage(simulated: Simulated, number: signal.Signals) -> None:
    simulated.hold.touch()

    async def main() -> None:
        async with server.client() as client:
            token = await token_of(client)
        caller = subprocess.Popen(
            [sys.executable, "-m", "tests.mcp.caller", server.url, "auto", token],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        await appears(simulated.down)
        server.process.send_signal(number)
        server.process.wait(60)
        if number is not signal.SIGKILL:
            assert not simulated.down.exists()  # The server has waited for it.
        caller.kill()
        caller.wait()

    with simulated.http() as server:
        run(main)
        simulated.free()


def test_what_a_killed_server_and_a_killed_drill_left_is_put_back_by_the_next_server(
    simulated: Simulated,
) -> None:
    journal = simulated.folder / "state" / "drill.json"
    journal.parent.mkdir()
    journal.write_text(
        '{"entries": [{"what": "memories", "namespace": "acme", "region": "us-east-1", "companies": ["d"]}]}'
    )

    async def main() -> None:
        async with Client(simulated.stdio) as client:
            await client.list_tools()
            await asyncio.to_thread(until, lambda: not journal.exists(), "everything is put back")

    run(main)


def test_what_a_killed_drill_left_is_put_back_before_its_call_fails(simulated: Simulated) -> None:
    simulated.hold.touch()
    journal = simulated.folder / "state" / "drill.json"

    async def main() -> None:
        async with server.client() as client:
            token = await token_of(client)
            call = asyncio.create_task(
                refusal(client, OUTAGE, region=US, dry_run=False, confirmation_token=token)
            )
            await appears(simulated.down)
            assert journal.exists()
            [drill] = children(server.process.pid)
            os.kill(drill, signal.SIGKILL)
            assert "the drill ended with exit code -9" in await call
            assert not journal.exists()

    with simulated.http() as server:
        run(main)
