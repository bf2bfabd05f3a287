"""What names have left is deleted when no client is left on it, in whichever deployment that is."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from components import drain
from components.drain import Drain, DrainArgs, Moves
from tests.components.stacks import stack, two_regions
from tests.components.test_accelerators import accelerated
from tests.recording import RECORD, Answers, Recording, record, record_part

STASH = "pulumi:index:Stash"
NOW, MOMENT = 1_800_000_000.0, 1_800_000_000 - 100
NAME = "edge-1._accelerator.example.com"


class Kept(Answers):
    """The state has a stash already, with this moment."""

    def __init__(self, moved_at: int) -> None:
        super().__init__()
        self._moved_at = moved_at

    def resolve(self, registration: Any) -> Any:
        identity, outputs = super().resolve(registration)
        if registration.type == STASH and registration.ignore_changes:
            outputs = {"input": {**registration.inputs["input"], "movedAt": self._moved_at}}
        return identity, outputs


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds of each wait."""
    found, sleep = list[float](), asyncio.sleep

    async def noted(seconds: float) -> None:
        if seconds:
            found.append(seconds)
        await sleep(0)

    monkeypatch.setattr(drain.asyncio, "sleep", noted)
    monkeypatch.setattr(drain, "time", lambda: NOW)
    return found


def waits(slept: list[float]) -> list[float]:
    return [seconds for seconds in slept if seconds > 1]


def test_the_state_keeps_which_accelerator_each_name_leads_to() -> None:
    run = record(accelerated(companies=["acme"]))
    (stash,) = run.of(STASH)
    assert stash.inputs["input"] == {
        "accelerators": {"acme": "edge-1._accelerator.agency.example.com"},
        "movedAt": 0,
    }
    assert stash.ignore_changes == ("input.movedAt",)
    assert run.named("names").type == Drain.TYPE


def test_with_another_manager_no_name_leads_to_one_and_a_stack_keeps_that_too() -> None:
    for raw in (two_regions(), stack(loadBalancing={"manager": "external-dns"})):
        (stash,) = record(raw).of(STASH)
        assert stash.inputs["input"] == {"accelerators": {}, "movedAt": 0}


def test_the_stack_local_neither_waits_nor_remembers() -> None:
    run = record(accelerated(), stack="local")
    assert run.of(STASH) == []


def test_a_deployment_that_moves_nothing_does_not_wait(slept: list[float]) -> None:
    record(accelerated(companies=["acme"]), recorder=Answers())
    record(two_regions(), recorder=Kept(moved_at=0))
    assert waits(slept) == []


@pytest.mark.parametrize(("ago", "left"), [(100, [220.0]), (319, []), (320, []), (10**7, []), (-50, [320.0])])
def test_the_next_deployment_waits_for_what_is_left(slept: list[float], ago: int, left: list[float]) -> None:
    """A clock of another machine may be ahead."""
    record(two_regions(), recorder=Kept(moved_at=int(NOW) - ago))
    assert waits(slept) == left


def test_a_preview_does_not_wait(slept: list[float]) -> None:
    record(two_regions(), recorder=Kept(moved_at=MOMENT), dry_run=True)
    assert waits(slept) == []


def test_a_deployment_that_moves_names_remembers_when_and_waits(slept: list[float]) -> None:
    run = moving(old=NAME, new="acme._routing.example.com")
    (stash,) = run.of(STASH)
    assert stash.inputs["input"] == {"accelerators": {}, "movedAt": int(NOW)}
    assert stash.ignore_changes == ()
    assert waits(slept) == [320.0]


@pytest.mark.parametrize(("old", "new"), [("acme._routing.example.com", NAME), (NAME, NAME)])
def test_names_that_come_to_an_accelerator_or_stay_there_need_no_wait(
    slept: list[float], old: str, new: str
) -> None:
    (stash,) = moving(old=old, new=new).of(STASH)
    assert stash.inputs["input"]["movedAt"] == 0
    assert waits(slept) == []


def moving(*, old: str, new: str) -> Recording:
    """A deployment in which the engine moves a name."""

    def build() -> None:
        moves = Moves("prod")
        moves.moved(Arguments({"aliases": [{"name": old}]}, {"aliases": [{"name": new}]}))
        Drain("names", DrainArgs(names={}, accelerators={}, moves=moves))

    return record_part(build)


class Arguments:
    """Of a hook."""

    name: ClassVar[str] = "names-moves"

    def __init__(self, old_inputs: Any, new_inputs: Any) -> None:
        self.old_inputs, self.new_inputs = old_inputs, new_inputs


@pytest.mark.parametrize(
    ("now", "moved_at", "waited"),
    [
        ({"acme": NAME}, MOMENT, []),
        ({}, MOMENT, [320.0]),
        ({}, int(NOW), []),
        ({"acme": "edge-2._accelerator.example.com"}, MOMENT, [320.0]),
        ({"acme": NAME, "globex": NAME}, MOMENT, []),
    ],
)
def test_what_was_moved_and_not_remembered_is_waited_for_before_it_is(
    slept: list[float], now: dict[str, str], moved_at: int, waited: list[float]
) -> None:
    """A deployment was interrupted in between. What this one has moved is waited for afterwards."""
    old = {"accelerators": {"acme": NAME, "gone": NAME}, "movedAt": MOMENT}
    new = {"accelerators": now, "movedAt": moved_at}
    asyncio.run(drain.unremembered({"acme", "globex"}, Arguments({"input": old}, {"input": new})))
    assert waits(slept) == waited


def test_the_stash_has_the_hook_and_names_have_theirs() -> None:
    class Hooks(Answers):
        def RegisterResource(self, request: Any) -> Any:
            found.update({request.name: [*request.hooks.before_update, *request.hooks.after_update]})
            return super().RegisterResource(request)

    found = dict[str, list[str]]()
    run = record(two_regions(), recorder=Hooks())
    assert found["names-moves"] == ["moves-are-remembered"]
    for name in (each.name for each in run.of(RECORD) if each.name.endswith("-name")):
        assert found[name] == ["name-is-moved"]
