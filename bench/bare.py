"""The program that `bench.engine` compares with: it registers the resources in the file BENCH_GRAPH."""

import json
import os
from pathlib import Path

from bench.one import bare

bare(json.loads(Path(os.environ["BENCH_GRAPH"]).read_text(encoding="utf-8")), linked=True)()
