"""The Brain: episodic memory and semantic graph of a company, which is an argument of each tool."""

from __future__ import annotations

import json
import os
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from . import graph, memory
from .files import DEFAULT_COMPANY, RejectedError, agent_folder, checked, locked, log
from .front import Front, health
from .worker import Worker, server_of

if TYPE_CHECKING:
    from mcp.server import MCPServer

PATTERN_EPISODES = 10


def _folder(company: str | None) -> Path:
    brain = agent_folder() / "brain"
    return brain if company in (None, "", DEFAULT_COMPANY) else brain / checked(str(company))


def _database(company: str | None) -> Path:
    own = os.environ.get("BRAIN_STORAGE_ROOT") if company in (None, "", DEFAULT_COMPANY) else None
    return Path(own) if own else _folder(company) / "episodic"


def _lock(company: str | None) -> Path:
    return _database(company) / "locks" / f"{company or DEFAULT_COMPANY}.lock"


def brain_store(
    taskId: str, request: str, solution: str, company: str | None = None, id: str | None = None
) -> str:
    """Store a new episodic memory (task ID, request, solution)."""
    with locked(_lock(company)):
        memory.store(_database(company), id or str(uuid.uuid4()), taskId, request, solution)
    return "Memory stored successfully."


def brain_query(
    query: str, company: str | None = None, limit: int = 3, format: Literal["text", "json"] = "text"
) -> str:
    """Search episodic memory for relevant past experiences."""
    episodes = memory.recall(_database(company), query, limit)
    if not episodes:
        return "No relevant memories found."
    if format == "json":
        shown = [{name: value for name, value in each.items() if name != "vector"} for each in episodes]
        return json.dumps(shown, indent=2)
    return "\n\n---\n\n".join(map(_text, episodes))


def _text(episode: Any) -> str:
    at = datetime.fromtimestamp(episode["timestamp"] / 1000, UTC).isoformat(timespec="milliseconds")
    return (
        f"[Task: {episode['taskId']}]\nTimestamp: {at.replace('+00:00', 'Z')}\n"
        f"Request: {episode['userPrompt']}\nSolution: {episode['agentResponse']}\n"
        f"Artifacts: {', '.join(episode['artifacts']) or 'None'}"
    )


def brain_delete_episode(id: str, company: str | None = None) -> str:
    """Delete a specific episodic memory by ID."""
    with locked(_lock(company)):
        memory.delete(_database(company), id)
    return f"Episode {id} deleted."


def log_experience(
    taskId: str, task_type: str, agent_used: str, outcome: str, summary: str, company: str | None = None
) -> str:
    """Log a task execution experience for future learning."""
    request = f"Task Type: {task_type}\nAgent: {agent_used}"
    brain_store(taskId, request, f"Outcome: {outcome}\nSummary: {summary}", company)
    return "Experience logged successfully."


def recall_delegation_patterns(task_type: str, query: str | None = None, company: str | None = None) -> str:
    """Recall past delegation experiences to identify patterns and success rates."""
    search = f"{task_type} {query}" if query else task_type
    episodes = memory.recall(_database(company), search, PATTERN_EPISODES)
    if not episodes:
        return f"No past experiences found for task type: {task_type}"
    agents: dict[str, list[bool]] = {}
    for episode in episodes:
        _, _, rest = episode["userPrompt"].partition("Agent: ")
        outcomes = agents.setdefault(rest.partition("\n")[0].strip() or "unknown", [])
        solution = episode["agentResponse"].lower()
        if "outcome: success" in solution or "outcome: fail" in solution:
            outcomes.append("outcome: success" in solution)
    succeeded = sum(map(sum, agents.values()))
    lines = [
        f"Found {len(episodes)} relevant experiences for '{task_type}'.",
        f"Overall Success Rate: {_percent(succeeded, len(episodes))}%\n",
        "Agent Performance:",
    ]
    for agent, outcomes in agents.items():
        done, total = sum(outcomes), len(outcomes)
        lines.append(f"- {agent}: {_percent(done, total)}% success ({done}/{total})")
    return "\n".join(lines) + "\n"


def _percent(part: int, whole: int) -> int:
    return int(100 * part / whole + 0.5) if whole else 0


def brain_update_graph(
    operation: Literal["add_node", "add_edge"], args: str, company: str | None = None
) -> str:
    """Update the semantic graph by adding nodes or edges."""
    try:
        fields = json.loads(args)
    except ValueError:
        raise RejectedError("Error: Invalid JSON in args.") from None
    required = {"add_node": ("id", "type"), "add_edge": ("from", "to", "relation")}[operation]
    if not isinstance(fields, dict) or not all(fields.get(name) for name in required):
        raise RejectedError(f"Error: {operation} requires {', '.join(map(repr, required))}.")
    ends = {name: fields[name] for name in required}
    with locked(_lock(company)), graph.rewritten(_folder(company) / "graph.json") as content:
        if operation == "add_node":
            graph.add_node(content, fields["id"], fields["type"], fields.get("properties") or {})
            return f"Node '{fields['id']}' added/updated."
        graph.add_edge(content, ends, fields.get("properties") or {})
        return f"Edge '{fields['from']}' -[{fields['relation']}]-> '{fields['to']}' added/updated."


def brain_query_graph(query: str, company: str | None = None) -> str:
    """Query the semantic graph (nodes and edges) for relationships."""
    path = _folder(company) / "graph.json"
    if not path.exists():
        return json.dumps(graph.empty(), indent=2)
    with locked(_lock(company)):
        return json.dumps(graph.search(graph.load(path), query), indent=2)


TOOLS = (
    brain_store,
    brain_query,
    brain_delete_episode,
    brain_query_graph,
    brain_update_graph,
    log_experience,
    recall_delegation_patterns,
)


def server() -> MCPServer:
    return server_of("brain", TOOLS)


def main() -> None:
    port = os.environ.get("PORT")
    if not port:
        return server().run("stdio")
    with Front(int(port), {"/health": health}, Worker("brain")) as front, suppress(KeyboardInterrupt):
        log(f"Brain on port {port}")
        front.serve_forever()
    return None


if __name__ == "__main__":
    main()
