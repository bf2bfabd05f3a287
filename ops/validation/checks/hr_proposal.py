"""An HR proposal that a company's Agent writes is found by that company, and by no other."""

from __future__ import annotations

import json

from ops.probing.containers import AGENT, HEALTH_MONITOR
from ops.validation.pod_target import PodTarget
from ops.validation.results import Verdict, passed
from ops.validation.run import Run, shown

_WRITE = 'mkdir -p "$(dirname "$1/$2")" && printf "%s\\n" "$3" > "$1/$2"'
_READ = 'cat "$1/$2" 2> /dev/null; true'
_FIND = """\
cd "$1" || exit 1
for file in "$1"/companies/*/hr/proposals/"$2"; do [ -e "$file" ] && echo "$file"; done; true
"""


def check(run: Run, target: PodTarget) -> Verdict:
    marker = run.marker(target)
    file, proposal = marker.proposal_file, json.dumps(dict(marker.proposal))
    target.proposals.add(file)
    target.run_in_agent(_WRITE, file, proposal)
    read = target.run_in_agent(_READ, file, container=HEALTH_MONITOR).strip()
    if read != proposal:
        raise target.failure(
            AGENT,
            f"an HR proposal that the agent of {target.name} wrote to .agent/{file} is not found there by the"
            f" other container of its pod: {shown(read) or 'no such file'}",
        )
    own = target.run_in_agent('echo "$1/$2"', file).strip()
    if own not in _search(target, file):
        raise target.failure(
            AGENT,
            f"whether another Agent has an HR proposal of {target.name} cannot be judged: the search does not"
            f" find it in the own Agent, as {own}",
        )
    others = run.others(target)
    for place in (target, *others):
        if misplaced := _search(place, file) - ({own} if place is target else set()):
            raise place.failure(
                AGENT,
                f"an HR proposal of {target.name} was found where it does not belong, in the agent of"
                f" {place.name}: {', '.join(sorted(misplaced))}",
            )
    return passed(f"written to .agent/{file} and found there; in none of {len(others)} other Agents")


def _search(place: PodTarget, file: str) -> set[str]:
    """Paths of the proposal's name in an Agent, in every company's folder."""
    return set(place.run_in_agent(_FIND, file.rpartition("/")[2]).split())
