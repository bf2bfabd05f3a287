"""Pod identity associations, which the emulator does not offer."""

from __future__ import annotations

from typing import Any

import pytest

from local.aws.provider.api import AwsApi, Client
from local.aws.provider.resources import Resources
from local.aws.provider.servicer import Provider
from tests.aws_provider.account import Account
from tests.aws_provider.cases import Values
from tests.aws_provider.engine import ProviderError, Resource

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"


class FakeEks(Client):
    """The calls that the emulator does not offer, in memory."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.associations: dict[str, Values] = {}

    def send(self, call: str, parameters: Values) -> Values:
        if call.startswith("create"):
            identity = f"a-{len(self.associations)}"
            self.associations[identity] = parameters | {"associationId": identity, "associationArn": "arn"}
            return {"association": self.associations[identity]}
        identity = parameters["associationId"]
        if identity not in self.associations:
            return super().send("describe_cluster", {"name": "nonesuch"})
        if call.startswith("delete"):
            return {"association": self.associations.pop(identity)}
        self.associations[identity] |= parameters
        return {"association": self.associations[identity]}

    def list(self, call: str, parameters: Values) -> Values:
        return {"associations": list(self.associations.values())}


class FakeApi(AwsApi):
    def _create(self, service: str, region: str) -> Any:
        self.fake = FakeEks(super()._create(service, region))
        return self.fake._client

    def client(self, service: str, region: str) -> Client:
        super().client(service, region)
        return self.fake


def test_a_pod_identity_association_is_found_by_its_service_account(account: Account) -> None:
    api = FakeApi(account.emulator.environment())
    resource = Resource(lambda: Provider(Resources(api)), ASSOCIATION)
    program = {"clusterName": "one", "namespace": "acme", "serviceAccount": "agent", "roleArn": "arn:a"}
    assert resource.up(program) == "create"
    assert resource.outputs["associationId"] == "a-0"
    assert (resource.refresh(), resource.up(program)) == ("same", "same")
    assert resource.up(program | {"roleArn": "arn:b"}) == "update"
    again = Resource(resource.start, ASSOCIATION)
    again.up(program)
    assert (again.id, api.fake.associations.keys()) == (resource.id, {"a-0"})
    api.fake.associations["a-0"]["roleArn"] = "arn:other"
    assert again.refresh() == "changed"
    assert again.changes(program) == {"roleArn": "UPDATE"}
    assert again.up(program) == "update"
    assert again.up(program | {"serviceAccount": "brain"}) == "replace"
    again.delete()
    assert again.refresh() == "gone"


def test_a_call_that_the_emulator_does_not_offer_is_said_in_one_line(account: Account) -> None:
    program = {"clusterName": "one", "namespace": "acme", "serviceAccount": "agent", "roleArn": "arn:a"}
    with pytest.raises(ProviderError, match="NotImplemented: the AWS emulator does not offer this call"):
        account.resource(ASSOCIATION).up(program)
