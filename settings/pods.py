"""The keys of `pods` and of a region's `tolerations`: what an organisation's clusters demand of pods."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from settings.values import LabelKey, LabelValue, Model, ObjectName, Whole


class Operator(StrEnum):
    EQUAL = "Equal"
    EXISTS = "Exists"


class Effect(StrEnum):
    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(Model):
    """A taint of nodes on which pods may run all the same, as in a pod's `tolerations`."""

    key: LabelKey | None = Field(
        default=None, description="The taint's key. Default: every taint; requires operator Exists."
    )
    operator: Operator = Field(
        default=Operator.EQUAL, description="Exists: whatever the taint's value. Default: Equal."
    )
    value: LabelValue | None = Field(default=None, description="The taint's value. Default: none.")
    effect: Effect | None = Field(default=None, description="The taint's effect. Default: every effect.")
    toleration_seconds: Whole | None = Field(
        default=None,
        ge=0,
        le=86400,
        description="With NoExecute: seconds that a pod stays on the node. Default: for ever.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.key is None and self.operator is not Operator.EXISTS:
            raise ValueError("must have a key, or operator: Exists")
        if self.value is not None and self.operator is Operator.EXISTS:
            raise ValueError("must have no value with operator: Exists")
        if self.toleration_seconds is not None and self.effect is not Effect.NO_EXECUTE:
            raise ValueError("must have effect: NoExecute with tolerationSeconds")
        return self

    def matches(self, key: str, value: str, effect: str) -> bool:
        """Whether a pod with this toleration may run on a node with the taint."""
        return (
            self.key in (None, key)
            and (self.operator is Operator.EXISTS or (self.value or "") == value)
            and (self.effect is None or self.effect.value == effect)
        )


class Pods(Model):
    """What all pods of the platform have in common."""

    image_pull_secrets: tuple[ObjectName, ...] = Field(
        default=(),
        description="Secrets with which images are pulled; they must exist in each namespace. Default: none.",
    )
    runtime_class_name: ObjectName | None = Field(
        default=None, description="RuntimeClass of the companies' pods. Default: the nodes' own runtime."
    )
    priority_class_name: ObjectName | None = Field(
        default=None, description="An existing PriorityClass. Default: a new one, digital-agency."
    )
