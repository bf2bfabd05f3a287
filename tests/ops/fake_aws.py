"""AWS for checks of the doctor: answers by service and operation, as botocore gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.paginate import Paginator
from botocore.session import get_session

from ops.aws import AwsAccess
from ops.doctor.findings import Finding
from ops.stack import Stack
from settings import parse
from tests.components.stacks import stack

IDENTITY = {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/me"}
Answer = dict[str, Any] | str | Callable[..., dict[str, Any]]
"""What an operation answers: the content, the code of an error, or a function of its parameters."""


class FakeAws(AwsAccess):
    """`answers` are by `<service>.<operation>`. An operation that is not there is a mistake of the test."""

    def client(self, service: str, region: str) -> Any:
        return _Client(service, self.arguments["answers"], self.arguments["asked"])

    @property
    def asked(self) -> list[str]:
        asked: Any = self.arguments["asked"]
        return list(asked)


class _Client:
    def __init__(self, service: str, answers: dict[str, Answer], asked: list[str]) -> None:
        self._service, self._answers, self._asked = service, answers, asked

    def get_paginator(self, operation: str) -> Paginator[Any]:
        """botocore's own, on these answers."""
        session = get_session()
        model = session.get_service_model(self._service)
        [name] = [each for each in model.operation_names if xform_name(each) == operation]
        config = session.get_paginator_model(self._service).get_paginator(name)
        return Paginator(getattr(self, operation), config, model.operation_model(name))

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def call(**parameters: Any) -> dict[str, Any]:
            self._asked.append(f"{self._service}.{operation}")
            answer = self._answers[f"{self._service}.{operation}"]
            if callable(answer):
                return answer(**parameters)
            return refuse(answer, operation) if isinstance(answer, str) else answer

        return call


def refuse(code: str, operation: str = "Call") -> dict[str, Any]:
    status = {"404": 404, "AccessDenied": 403, "403": 403, "400": 400}.get(code, 400)
    said = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    raise ClientError(said, operation)  # type: ignore[arg-type]


def fake_aws(answers: dict[str, Answer]) -> FakeAws:
    given: Any = {"answers": {"sts.get_caller_identity": IDENTITY, **answers}, "asked": []}
    return FakeAws(local=False, arguments=given)


def findings(
    check: Callable[[Stack, AwsAccess], Iterator[Finding]], answers: dict[str, Answer], **settings: Any
) -> list[Finding]:
    known = Stack(name="dev", file=Path("Pulumi.dev.yaml"), settings=parse(stack(**settings), "dev"))
    return list(check(known, fake_aws(answers)))
