"""An S3 for tests: moto's, in this process, with IAM, faults and replication, and a record of every call."""

from tests.s3.calls import Call
from tests.s3.faults import ANSWER_LOST, CUT, REFUSED, SLOW_DOWN, Fault
from tests.s3.replication import Replication
from tests.s3.service import ADMIN, REGIONS, S3Service

__all__ = [
    "ADMIN",
    "ANSWER_LOST",
    "CUT",
    "REFUSED",
    "REGIONS",
    "SLOW_DOWN",
    "Call",
    "Fault",
    "Replication",
    "S3Service",
]
