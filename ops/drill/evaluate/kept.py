"""How long a client was without an answer that had asked DNS just before the outage, and kept the answer."""

from __future__ import annotations

from collections.abc import Iterator

from ops.drill.evaluate.times import Gap, gap_in
from ops.drill.observe.record import BEGUN, ENDED, STOPPED, View, of_company
from ops.drill.scenario import Scenario, Tenant
from plan.records import KEPT_ANSWER_SECONDS

KEPT_SPAN = f"client that keeps a DNS answer for {KEPT_ANSWER_SECONDS} s without an answer"


def kept_gaps(scenario: Scenario, view: View) -> tuple[Gap, ...]:
    """One of each company whose clients leave the region. A gap that lasts beyond the outage ends with the
    first good answer after it: the region is back, or the client has asked DNS again.
    """
    return tuple(_gap(view, tenant) for tenant in scenario.leaving)


def kept_notes(gaps: tuple[Gap, ...], view: View) -> Iterator[str]:
    """For the report: whose client would have waited longer had the outage lasted longer."""
    begun, ended = view.mark(BEGUN), view.mark(ENDED)
    for gap in gaps:
        if gap.failed and (gap.ended is None or gap.ended > ended):
            yield (
                f"{gap.company}: the client that keeps a DNS answer was still without an answer at the end of"
                f" the outage, after {ended - begun:.0f} s"
            )


def _gap(view: View, tenant: Tenant) -> Gap:
    begun, ended, stopped = view.mark(BEGUN), view.mark(ENDED), view.mark(STOPPED)
    answers = [
        each for each in of_company(view.kept_answers, tenant.namespace) if begun <= each.asked < stopped
    ]
    return gap_in(answers, tenant, before=ended)
