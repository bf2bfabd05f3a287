"""`make bench`: what the program costs over a bare one that registers the same resources, on the recorder and
on the real engine, and what the failover controller and the gates cost while they run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench import controller, engine, memory
from bench.comparison import COMPANIES, MOST, REGIONS, VARIANTS, figures, row, run, stack_file

ROUNDS = 5
WIDTHS = (9, 9, 9, 7, 6, 10, 9)


def main() -> None:
    print(f"recorder; CPU seconds: median of {ROUNDS} rounds each in turn; peak memory in MB")
    row(WIDTHS, "companies", "resources", "program", "bare", "ratio", "min–max", "memory")
    with tempfile.TemporaryDirectory() as folder:
        for companies in COMPANIES:
            stack, graph = Path(folder) / f"{companies}.yaml", Path(folder) / f"{companies}.json"
            stack.write_text(stack_file(companies, {name: {"cluster": {"eks": "blue"}} for name in REGIONS}))
            run("bench.one", "program", str(stack), str(graph))
            pairs = [
                {name: run("bench.one", name, str(stack), str(graph)) for name in VARIANTS}
                for _ in range(ROUNDS)
            ]
            peak = max(pair["program"]["megabytes"] for pair in pairs)
            row(WIDTHS, companies, pairs[0]["program"]["resources"], *figures(pairs), f"{peak:.0f}")
    print(f"to hold: ratio at most {MOST}, memory under 500 MB")
    engine.main()
    controller.main()
    memory.main(memory.SIZES)


if __name__ == "__main__":
    main()
