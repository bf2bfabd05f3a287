"""Value types of names and limits of IAM roles, and of KMS keys."""

from __future__ import annotations

from typing import Annotated

from settings.values import Matching

PolicyArn = Annotated[
    str,
    Matching(
        r"arn:aws:iam::(aws|\d{12}):policy/\S+",
        "the ARN of an IAM policy: arn:aws:iam::<account>:policy/…",
    ),
]
RoleArn = Annotated[
    str,
    Matching(r"arn:aws:iam::\d{12}:role/\S+", "the ARN of an IAM role: arn:aws:iam::<account>:role/…"),
]
KmsKeyArn = Annotated[
    str,
    Matching(
        r"arn:aws:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+",
        "the ARN of a KMS key, not of an alias: arn:aws:kms:<region>:<account>:key/…",
    ),
]
RolePath = Annotated[
    str,
    Matching(
        r"(?=.{1,512}$)/([A-Za-z0-9_+=,.@-]+/)*",
        "the path of IAM roles, such as /agency/, with / at both ends: at most 512 letters, digits and"
        " _ + = , . @ - /",
    ),
]
NamePrefix = Annotated[
    str,
    Matching(
        r"(?=.{1,40}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?", "at most 40 of a-z, 0-9 and -, without - at its ends"
    ),
]
