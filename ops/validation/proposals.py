"""An HR proposal that a company's Agent writes is found by that company, and by no other."""

from __future__ import annotations

import json

from ops.validation.pod_sites import PodSite
from ops.validation.run import Run, shown, who
from ops.validation.verdicts import Failure, Verdict, passed

_WRITE = 'mkdir -p "$(dirname "$1/$2")" && printf "%s\\n" "$3" > "$1/$2"'
_READ = 'cat "$1/$2" 2> /dev/null; true'
_FIND = """\
cd "$1" || exit 1
for file in "$1"/companies/*/hr/proposals/"$2"; do [ -e "$file" ] && echo "$file"; done; true
"""


def judge(run: Run, site: PodSite) -> Verdict:
    mark = run.mark(site)
    file, name = mark.proposal_file, mark.proposal_file.rpartition("/")[2]
    told = json.dumps(dict(mark.proposal))
    site.proposals.add(file)
    site.in_agent("agent", _WRITE, file, told)
    read = site.in_agent("health-monitor", _READ, file).out.strip()
    if read != told:
        raise Failure(
            f"an HR proposal that the agent of {who(site)} wrote to .agent/{file} is not found there by the"
            f" other container of its pod: {shown(read) or 'no such file'}",
            site.look("agent"),
        )
    others = [one for one in run.others(site) if isinstance(one, PodSite)]
    for place in (site, *others):
        found = set(place.in_agent("agent", _FIND, name).out.split())
        if place is site and (own := _own(site, file)) not in found:
            raise Failure(
                f"whether another Agent has an HR proposal of {who(site)} cannot be judged: the search does"
                f" not find it in the own one, as {own}",
                site.look("agent"),
            )
        if found := found - ({own} if place is site else set()):
            raise Failure(
                f"an HR proposal of {who(site)} was found where it does not belong, in the agent of"
                f" {who(place)}: {', '.join(sorted(found))}",
                place.look("agent"),
            )
    return passed(f"written to .agent/{file} and found there; in none of {len(others)} other Agents")


def _own(site: PodSite, file: str) -> str:
    """Where it belongs, as the agent sees it."""
    return site.in_agent("agent", 'echo "$1/$2"', file).out.strip()
