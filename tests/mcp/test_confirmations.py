"""A confirmation token is for one outage, once, for a time."""

from __future__ import annotations

import pytest

from ops.errors import OperatorError
from ops.mcp.confirmations import LIFETIME_SECONDS, REMEMBERED, Confirmations, Outage

OUTAGE = Outage(stack="prod", region="us-east-1", fault="scale")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def confirmations(clock: Clock) -> Confirmations:
    return Confirmations(clock)


def problem(confirmations: Confirmations, token: str | None, outage: Outage = OUTAGE) -> str:
    with pytest.raises(OperatorError) as raised:
        confirmations.use(token, outage)
    assert "call simulate_regional_outage with dry_run true" in str(raised.value)
    return str(raised.value)


def test_a_token_names_its_outage_and_is_used_once(confirmations: Confirmations) -> None:
    token = confirmations.issue(OUTAGE)
    assert token.startswith("prod/us-east-1/scale/")
    confirmations.use(token, OUTAGE)
    assert "was used already" in problem(confirmations, token)


def test_a_token_expires(confirmations: Confirmations, clock: Clock) -> None:
    token, late = confirmations.issue(OUTAGE), confirmations.issue(OUTAGE)
    clock.now += LIFETIME_SECONDS - 1
    confirmations.use(token, OUTAGE)
    clock.now += 1
    assert "has expired after 300 s" in problem(confirmations, late)


@pytest.mark.parametrize(
    "other",
    [
        Outage(stack="staging", region="us-east-1", fault="scale"),
        Outage(stack="prod", region="eu-west-1", fault="scale"),
        Outage(stack="prod", region="us-east-1", fault="gray"),
    ],
)
def test_a_token_of_another_outage_is_refused_and_stays_valid(
    confirmations: Confirmations, other: Outage
) -> None:
    token = confirmations.issue(OUTAGE)
    assert f"is for {OUTAGE}, this call is for {other}" in problem(confirmations, token, other)
    confirmations.use(token, OUTAGE)


@pytest.mark.parametrize(
    ("token", "text"),
    [
        (None, "missing (required with dry_run false)"),
        ("", "missing (required with dry_run false)"),
        ("yes", "is for no outage"),
        ("prod/us-east-1/scale/guessed", "this server has not returned it"),
        ("prod/us-east-1/scale/", "this server has not returned it"),
    ],
)
def test_what_no_dry_run_returned_is_refused(
    confirmations: Confirmations, token: str | None, text: str
) -> None:
    confirmations.issue(OUTAGE)
    assert text in problem(confirmations, token)


def test_another_server_s_token_is_refused(confirmations: Confirmations) -> None:
    token = Confirmations().issue(OUTAGE)
    assert "has been restarted since" in problem(confirmations, token)


def test_the_oldest_tokens_are_forgotten(confirmations: Confirmations) -> None:
    oldest = confirmations.issue(OUTAGE)
    tokens = [confirmations.issue(OUTAGE) for _ in range(REMEMBERED)]
    assert "this server has not returned it" in problem(confirmations, oldest)
    confirmations.use(tokens[0], OUTAGE)
