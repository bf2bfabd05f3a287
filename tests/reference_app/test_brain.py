from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters, stdio_client

from tests.reference_app.programs import ACCEPTED, BRAIN, NODE, Program, ToolFailed, environment, running

MEMORY = {"taskId": "task-1", "request": "Which port?", "solution": "3002."}


def graph_of(volume: Path, company: str) -> dict[str, list[dict[str, object]]]:
    content: dict[str, list[dict[str, object]]] = json.loads(
        (volume / ".agent" / "brain" / company / "graph.json").read_text()
    )
    return content


def test_a_memory_is_stored_and_recalled(brain: Program) -> None:
    assert brain.call("brain_store", company="stored", **MEMORY) == "Memory stored successfully."
    episodes = brain.call("brain_query", company="stored", query="Which port?", limit=5)
    assert re.fullmatch(
        r"\[Task: task-1\]\nTimestamp: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\n"
        r"Request: Which port\?\nSolution: 3002\.\nArtifacts: none",
        episodes,
    )


def test_a_company_without_episodes_remembers_nothing(brain: Program, brain_volume: Path) -> None:
    assert brain.call("brain_query", company="nobody", query="anything") == "No relevant memories found."
    assert json.loads(brain.call("brain_query_graph", company="nobody", query="a")) == {
        "nodes": [],
        "edges": [],
    }
    assert not (brain_volume / ".agent" / "brain" / "nobody").exists()


def test_the_nearest_memory_comes_first_and_no_more_than_asked_for(brain: Program) -> None:
    for number in range(4):
        brain.call("brain_store", company="nearest", taskId=f"t{number}", request="r", solution="s" * number)
    stored = "Task: t2\nRequest: r\nSolution: ss"
    episodes = brain.call("brain_query", company="nearest", query=stored, limit=2).split("\n\n---\n\n")
    assert len(episodes) == 2
    assert episodes[0].startswith("[Task: t2]")


def test_a_memory_can_be_named_and_removed(brain: Program) -> None:
    for id in ("it's", "other"):
        brain.call("brain_store", company="removed", id=id, **MEMORY)
    brain.call("brain_delete_episode", company="removed", id="it's")
    left = json.loads(brain.call("brain_query", company="removed", query="x", format="json"))
    assert [(each["id"], each["taskId"]) for each in left] == [("other", "task-1")]


def test_data_lie_where_the_application_has_them(brain: Program, brain_volume: Path) -> None:
    brain.call("brain_store", company="Client_C", **MEMORY)
    brain.call("brain_update_graph", company="Client_C", operation="add_node", args='{"id":"a","type":"b"}')
    company = brain_volume / ".agent" / "brain" / "Client_C"
    table = company / "episodic" / "episodic_memories.lance"
    assert {entry.name for entry in table.iterdir()} == {"data", "_transactions", "_versions"}
    assert list((table / "data").glob("*.lance")) and list((table / "_versions").glob("*.manifest"))
    assert (company / "episodic" / "locks" / "Client_C.lock").is_file()
    assert graph_of(brain_volume, "Client_C")["nodes"] == [{"id": "a", "type": "b", "properties": {}}]
    assert {entry.name for entry in company.iterdir()} == {"episodic", "graph.json"}


def test_companies_are_kept_apart_by_the_argument(brain: Program) -> None:
    for company in ("one", "two"):
        brain.call("brain_store", company=company, taskId=company, request="secret", solution=f"of {company}")
        brain.call(
            "brain_update_graph",
            company=company,
            operation="add_node",
            args=f'{{"id":"{company}","type":"t"}}',
        )
    for company, other in (("one", "two"), ("two", "one")):
        episodes = brain.call("brain_query", company=company, query="secret", limit=10)
        assert f"of {company}" in episodes and f"of {other}" not in episodes
        nodes = json.loads(brain.call("brain_query_graph", company=company, query="t"))["nodes"]
        assert [node["id"] for node in nodes] == [company]


@pytest.mark.parametrize("company", ["../other", "a/b", "a b", "a\n"])
def test_an_invalid_company_name_is_rejected(brain: Program, company: str) -> None:
    with pytest.raises(ToolFailed, match="Invalid company name"):
        brain.call("brain_store", company=company, **MEMORY)


def test_executions_are_logged_and_recalled_as_patterns(brain: Program) -> None:
    fields = {"task_type": "deploy", "summary": "…", "company": "patterns"}
    for number, (agent, outcome) in enumerate(
        [("worker", "success"), ("helper", "success"), ("helper", "failure"), ("helper", "failed")]
    ):
        answer = brain.call(
            "log_experience", taskId=f"t{number}", agent_used=agent, outcome=outcome, **fields
        )
        assert answer == "Experience logged successfully."
    lines = brain.call("recall_delegation_patterns", task_type="deploy", company="patterns").splitlines()
    assert lines[:2] == ["Found 4 relevant experiences for 'deploy'.", "Overall Success Rate: 50%"]
    assert sorted(lines[-2:]) == ["- helper: 33% success (1/3)", "- worker: 100% success (1/1)"]
    nothing = brain.call("recall_delegation_patterns", task_type="deploy", company="elsewhere")
    assert nothing == "No past experiences found for task type: deploy"


def test_the_graph_grows_and_its_entries_are_updated(brain: Program, brain_volume: Path) -> None:
    def update(operation: str, **args: object) -> str:
        return brain.call("brain_update_graph", company="graph", operation=operation, args=json.dumps(args))

    assert update("add_node", id="a", type="person", properties={"x": 1}) == "Node 'a' added/updated."
    update("add_node", id="a", type="team", properties={"y": 2})
    edge = {"from": "a", "to": "b", "relation": "knows"}
    assert update("add_edge", **edge) == "Edge 'a' -[knows]-> 'b' added/updated."
    update("add_edge", **edge, properties={"since": 1})
    assert graph_of(brain_volume, "graph") == {
        "nodes": [{"id": "a", "type": "team", "properties": {"x": 1, "y": 2}}],
        "edges": [{**edge, "properties": {"since": 1}}],
    }
    assert json.loads(brain.call("brain_query_graph", company="graph", query="KNOWS"))["nodes"] == []


def test_a_graph_that_does_not_parse_is_taken_as_empty_and_kept_beside(
    brain: Program, brain_volume: Path
) -> None:
    company = brain_volume / ".agent" / "brain" / "torn"
    company.mkdir(parents=True)
    (company / "graph.json").write_text('{"nodes": [{"id": "lost')
    brain.call("brain_update_graph", company="torn", operation="add_node", args='{"id":"new","type":"t"}')
    assert [node["id"] for node in graph_of(brain_volume, "torn")["nodes"]] == ["new"]
    (kept,) = company.glob("graph.json.unreadable-*")
    assert kept.read_text() == '{"nodes": [{"id": "lost'


@pytest.mark.parametrize(
    ("args", "said"),
    [("{", "Invalid JSON"), ("[]", "'id', 'type'"), ('{"id": "a"}', "'id', 'type'")],
)
def test_an_invalid_update_of_the_graph_is_rejected(
    brain: Program, brain_volume: Path, args: str, said: str
) -> None:
    with pytest.raises(ToolFailed, match=said):
        brain.call("brain_update_graph", company="senseless", operation="add_node", args=args)
    assert not (brain_volume / ".agent" / "brain" / "senseless").exists()


def test_mcp_needs_no_session_but_both_types_accepted(brain: Program) -> None:
    ping = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "ping"})
    status, kind, text = brain.send("POST", "/messages", ping)
    assert (status, kind) == (200, "text/event-stream")
    assert text.replace("\r", "").startswith("event: message\ndata: ")
    for accepted in ("application/json", "text/event-stream"):
        assert brain.send("POST", "/messages", ping, {**ACCEPTED, "Accept": accepted})[0] == 406
    assert brain.send("GET", "/elsewhere")[0] == 404


def test_without_mock_embeddings_it_says_what_is_missing(tmp_path: Path) -> None:
    with running(BRAIN, tmp_path, MOCK_EMBEDDINGS="") as program:
        with pytest.raises(ToolFailed, match="no model; set MOCK_EMBEDDINGS to true"):
            program.call("brain_store", company="acme", **MEMORY)
        assert program.call("brain_query_graph", query="a", company="acme")


def test_without_a_port_it_speaks_mcp_on_its_standard_streams(tmp_path: Path) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=[str(NODE), BRAIN], env=environment(tmp_path), cwd=tmp_path
    )
    change = {"operation": "add_node", "args": '{"id":"a","type":"b"}', "company": "acme"}

    async def talk() -> set[str]:
        async with asyncio.timeout(60), Client(stdio_client(server)) as client:
            assert not (await client.call_tool("brain_update_graph", change)).is_error
            return {tool.name for tool in (await client.list_tools()).tools}

    assert {"brain_store", "brain_query", "log_experience"} <= asyncio.run(talk())
    assert graph_of(tmp_path, "acme")["nodes"]
