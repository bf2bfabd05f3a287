"""What the internet sees of a controller, and what the stack's other controllers do."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runtime.contracts.controller import Company
from runtime.controller.config import ControllerConfig
from runtime.controller.peers import Peers
from runtime.controller.rounds import LiveConfig
from runtime.controller.server import Pages
from runtime.controller.survey import NOTHING_FOUND
from runtime.controller.views import PUBLIC_BYTES, Page, RegionView, dump, dump_public, parse
from runtime.http_server import Request, serve_requests
from runtime.metrics import Metrics
from tests.controller.test_settings import CONFIG

US, EU = "us-east-1", "ap-southeast-2"
NAMES = ("acme-corp", "globex", "eks-us-east-1-prod-blue")


def config_of(secret: str) -> ControllerConfig:
    return ControllerConfig(
        cluster=NAMES[2],
        regions=(US,),
        all=(US, EU),
        peers={},
        companies={NAMES[0]: Company(regions=(US, EU), dedicated=True), NAMES[1]: Company(regions=(US, EU))},
        secret=secret,
    )


def page_of(*, serving: bool = True, known: bool = True) -> Page:
    view = RegionView(
        serving=serving, known=known, in_own_cluster=True, sampled=25, failed=0 if serving else 25,
        companies={NAMES[0]: True}, failing={NAMES[0]: 17},
    )  # fmt: skip
    other = RegionView(serving=True, reached=True)
    return Page(cluster=NAMES[2], at=1_800_000_000_000, regions={US: view, EU: other})


def pages_of(secret: str, page: Page) -> Pages:
    """With what a round left."""
    observed = SimpleNamespace(
        config=config_of(secret), page=page, findings=NOTHING_FOUND, closed={},
        decision=SimpleNamespace(unhealthy={}),
    )  # fmt: skip
    rounds, config = SimpleNamespace(observed=observed), SimpleNamespace(current=observed.config, problem="")
    actions = SimpleNamespace(system=SimpleNamespace(current=SimpleNamespace(flags={})))
    known: Any = {"rounds": rounds, "config": config, "actions": actions, "lease": None}
    return Pages(**known, metrics=Metrics(), started=0.0)


def asked(pages: Pages, path: str, authorization: str = "") -> tuple[int, str]:
    response = pages.edge(Request(path, authorization))
    return response.status, response.body


@pytest.mark.parametrize("serving", [True, False])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("sent", ["", "Bearer ", "Bearer wrong", "Basic abc", "Bearer ä", "x" * 4000])
def test_everybody_else_gets_an_answer_of_one_size_without_names(
    serving: bool, known: bool, sent: str
) -> None:
    for secret in ("", "of the stack"):
        status, body = asked(pages_of(secret, page_of(serving=serving, known=known)), f"/peer/{US}", sent)
        assert (status, len(body)) == (200, PUBLIC_BYTES)
        assert not [name for name in NAMES if name in body]
        assert json.loads(body)["regions"].keys() == {US}


def test_a_controller_of_the_stack_gets_the_whole_page_of_the_region_that_its_token_is_for() -> None:
    pages, config = pages_of("of the stack", page_of()), config_of("of the stack")
    assert asked(pages, f"/peer/{US}", f"Bearer {config.token(US)}") == (200, dump(page_of()))
    for token in (config.token(EU), config_of("of another").token(US), config.secret, config.alias):
        assert NAMES[0] not in asked(pages, f"/peer/{US}", f"Bearer {token}")[1]


def test_nobody_learns_from_a_health_path_who_is_a_company() -> None:
    pages = pages_of("of the stack", page_of())
    answers = {asked(pages, f"/healthz/{US}{name}") for name in ("", "/acme-corp", "/globex", "/nobody")}
    assert len(answers) == 1
    assert not [name for name in NAMES if name in str(answers)]


def test_an_older_controller_takes_the_public_page_for_a_page() -> None:
    """It knows neither `known` nor tokens, and needs what is here."""
    content = json.loads(dump_public(page_of(serving=False), US, "0123456789abcdef"))
    assert content == {
        "cluster": "0123456789abcdef",
        "at": 1_800_000_000_000,
        "regions": {US: {"serving": False, "known": True, "home": True}},
    }


def test_an_older_controller_s_page_is_known() -> None:
    old = {
        "cluster": "us",
        "at": 1,
        "regions": {US: {"serving": False, "home": True, "sampled": 3, "failed": 3}},
    }
    assert parse(json.dumps(old).encode()).regions[US].known


def test_an_alias_is_the_cluster_s_own_and_the_same_on_every_replica() -> None:
    one, other = config_of("secret"), config_of("secret")
    assert one.alias == other.alias != config_of("another").alias
    assert one.alias not in (one.token(US), one.cluster)


def test_tokens_go_with_each_request_and_a_new_one_is_taken_at_once() -> None:
    seen, arrived = list[Request](), threading.Event()

    def answer(request: Request) -> Any:
        seen.append(request)
        arrived.set()
        return pages_of("s", page_of()).edge(request)

    server = serve_requests(0, answer, "127.0.0.1")
    peers, read = Peers(), {US: f"http://127.0.0.1:{server.port}/peer/{US}"}
    try:
        for secret, cluster in (("wrong", config_of("s").alias), ("s", NAMES[2])):
            peers.ask(read, 5.0, config_of(secret).token)
            assert cast(Page, peers.answers(30.0)[US]).cluster == cluster
        peers.ask(read, 5.0)
        peers.answers(30.0)
    finally:
        peers.ask({}, 5.0)
        server.close()
    assert [request.authorization for request in seen] == [
        f"Bearer {config_of('wrong').token(US)}", f"Bearer {config_of('s').token(US)}", ""
    ]  # fmt: skip


def test_the_secret_is_read_again_and_one_that_is_away_is_a_problem_and_no_end(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps(CONFIG))
    config = LiveConfig(tmp_path, tmp_path / "secret")
    first = config.read()
    assert first is not None and first.secret == "" and "no Secret" in config.problem
    (tmp_path / "secret").mkdir()
    for key in ("one", "other"):
        (tmp_path / "secret" / "key").write_text(f"{key}\n")
        now = config.read()
        assert now is not None and (now.secret, config.problem) == (key, "")
    (tmp_path / "secret" / "key").unlink()
    last = config.read()
    assert last is not None and last.secret == "other" and "no Secret" in config.problem
