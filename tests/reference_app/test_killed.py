"""A Brain may be killed at any moment, and started again at once."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path

from tests.reference_app.programs import BRAIN, Program, ended, running
from tests.services import until

ROUNDS = 2
COMPANIES = ("one", "two")
STORED_A_ROUND = 6


class Client(threading.Thread):
    """Stores memories and nodes of a graph, one after the other, and remembers which were acknowledged."""

    def __init__(self, brain: Program, company: str, first: int) -> None:
        super().__init__(daemon=True)
        self._brain = brain
        self._company = company
        self._next = first
        self.acknowledged: list[str] = []

    def run(self) -> None:
        try:
            while True:
                name, self._next = f"{self._company}-{self._next}-", self._next + 1
                args = json.dumps({"id": name, "type": "t"})
                episodes = {"taskId": name, "request": "r", "solution": "s", "id": name}
                self._brain.call("brain_store", company=self._company, **episodes)
                self._brain.call("brain_update_graph", company=self._company, operation="add_node", args=args)
                self.acknowledged.append(name)
        except (OSError, http.client.HTTPException, AssertionError):
            return  # it was killed


def texts_of_graphs(company: Path) -> str:
    """A graph that was torn is kept beside."""
    return "\n".join(file.read_text() for file in company.glob("graph.json*"))


def test_acknowledged_episodes_survive_a_kill_during_writes(tmp_path: Path) -> None:
    acknowledged: dict[str, list[str]] = {company: [] for company in COMPANIES}
    with running(BRAIN, tmp_path) as brain:
        for round in range(ROUNDS):
            clients = [Client(brain, company, 1000 * round) for company in COMPANIES]
            for client in clients:
                client.start()
            until(lambda: all(len(each.acknowledged) >= STORED_A_ROUND for each in clients), "it stores")  # noqa: B023
            brain.kill()
            for company, client in zip(COMPANIES, clients, strict=True):
                client.join()
                acknowledged[company] += client.acknowledged
            brain.start()
        for company, names in acknowledged.items():
            episodes = brain.call("brain_query", company=company, query="r", limit=1000, format="json")
            assert set(names) <= {each["id"] for each in json.loads(episodes)}
            text = texts_of_graphs(tmp_path / ".agent" / "brain" / company)
            assert not [name for name in names if name not in text]


def test_nothing_of_it_is_left_when_it_is_killed(tmp_path: Path) -> None:
    with running(BRAIN, tmp_path) as brain:
        brain.call("brain_query_graph", query="a", company="acme")
        (worker,) = brain.children()
        brain.kill()
        until(lambda: ended(worker), "its worker has ended")


def test_two_brains_of_one_volume_lose_nothing_of_a_graph(tmp_path: Path) -> None:
    with running(BRAIN, tmp_path) as first, running(BRAIN, tmp_path) as second:

        def add(brain: Program, name: str) -> None:
            for number in range(20):
                args = json.dumps({"id": f"{name}{number}", "type": "t"})
                brain.call("brain_update_graph", company="acme", operation="add_node", args=args)

        adding = [
            threading.Thread(target=add, args=each)
            for each in ((first, "a"), (first, "b"), (second, "c"), (second, "d"))
        ]
        for thread in adding:
            thread.start()
        for thread in adding:
            thread.join()
        nodes = json.loads(first.call("brain_query_graph", company="acme", query=""))["nodes"]
    assert sorted(node["id"] for node in nodes) == sorted(f"{name}{n}" for name in "abcd" for n in range(20))
