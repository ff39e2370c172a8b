"""A very short run of `python -m bench` on its own servers, with consistent figures."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_a_short_run_measures_both_hospitals_and_keeps_every_promise(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    words = ["--quick", "--only", "EMPTY,HOT", "--seconds", "0.5", "--threads", "4", "--json", str(figures)]
    environ = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "every promise holds" in done.stdout
    found = {(each["scenario"], each["target"]): each for each in json.loads(figures.read_text())["measures"]}
    assert set(found) == {(scenario, target) for scenario in ("EMPTY", "HOT") for target in ("plain", "engine")}
    for (scenario, _), measure in found.items():
        assert measure["note"] == ""
        assert measure["statuses"] == {"200" if scenario == "EMPTY" else "201": measure["requests"]}
        assert 0 < measure["p50"] <= measure["p95"] <= measure["p99"] <= measure["slowest"]
        assert measure["load_ms"] < measure["web_ms"], "the load must cost less than what it measures"
        assert scenario == "EMPTY" or measure["statements"] > 0, "a crowd may share statements, not do without"
