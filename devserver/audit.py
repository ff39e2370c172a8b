"""`setup.sh audit`: ask an advisory service about known vulnerabilities of the locked packages."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devserver.console import line, step
from devserver.install import CHECKS, EMBEDDED, PRODUCTION
from devserver.processes import death_bound
from devserver.project import ROOT
from devserver.signals import stoppable

SECONDS_FOR_AN_ANSWER = "10"


def audit(*, environ: Mapping[str, str]) -> int:
    """Print what is known of the locked packages; the exit code is 1 if a vulnerability is, else 0."""
    with stoppable(), tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
        command += ["--timeout", SECONDS_FOR_AN_ANSWER, "--format", "json", "--output", str(report)]
        command += [part for name in (PRODUCTION, EMBEDDED, CHECKS) for part in ("-r", name)]
        step("Asking the advisory service of PyPI about the locked packages")
        subprocess.run(command, env=dict(environ), cwd=ROOT, capture_output=True, check=False, preexec_fn=death_bound())
        found = json.loads(report.read_text())["dependencies"] if report.exists() else []
    lines, code = conclusion(found)
    for each in lines:
        line(each)
    return code


def conclusion(dependencies: list[dict[str, Any]]) -> tuple[list[str], int]:
    """Return what to say and the exit code.

    pip-audit finds no vulnerabilities where it was told nothing, so what it skipped is counted here.
    """
    audited = [each for each in dependencies if "vulns" in each]
    if not audited:
        return [
            "No advisory service answered for any package: nothing was audited. Run this where PyPI is reachable."
        ], 0
    lines = [
        f"{each['name']} {each['version']}: {vulnerability['id']}"
        f" (mended in {', '.join(vulnerability['fix_versions']) or 'no version yet'})"
        for each in audited
        for vulnerability in each["vulns"]
    ]
    skipped = sorted(each["name"] for each in dependencies if "vulns" not in each)
    beside = f", {len(skipped)} unknown to the service: {', '.join(skipped)}" if skipped else ""
    summary = f"{len(lines)} known vulnerabilities in {len(audited)} packages{beside}."
    return [*lines, summary], 1 if lines else 0
