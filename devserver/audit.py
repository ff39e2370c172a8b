"""`setup.sh audit`: look up known vulnerabilities of the locked packages at an advisory service."""

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

TIMEOUT_SECONDS = "10"


def audit(*, environ: Mapping[str, str]) -> int:
    """Print the known vulnerabilities of the locked packages; return exit code 1 if there is one, else 0."""
    with stoppable(), tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
        command += ["--timeout", TIMEOUT_SECONDS, "--format", "json", "--output", str(report)]
        command += [part for name in (PRODUCTION, EMBEDDED, CHECKS) for part in ("-r", name)]
        step("Looking the locked packages up at the advisory service of PyPI")
        subprocess.run(command, env=dict(environ), cwd=ROOT, capture_output=True, check=False, preexec_fn=death_bound())
        found = json.loads(report.read_text())["dependencies"] if report.exists() else []
    lines, code = conclusion(found)
    for each in lines:
        line(each)
    return code


def conclusion(dependencies: list[dict[str, Any]]) -> tuple[list[str], int]:
    """Return the lines to print and the exit code.

    pip-audit reports no vulnerabilities for packages that the service does not know, so those it skipped are counted
    here.
    """
    audited = [each for each in dependencies if "vulns" in each]
    if not audited:
        return [
            "No advisory service answered for any package: nothing was audited. Run this where PyPI is reachable."
        ], 0
    lines = [
        f"{each['name']} {each['version']}: {vulnerability['id']}"
        f" (fixed in {', '.join(vulnerability['fix_versions']) or 'no version yet'})"
        for each in audited
        for vulnerability in each["vulns"]
    ]
    skipped = sorted(each["name"] for each in dependencies if "vulns" not in each)
    unknown = f", {len(skipped)} unknown to the service: {', '.join(skipped)}" if skipped else ""
    summary = f"{len(lines)} known vulnerabilities in {len(audited)} packages{unknown}."
    return [*lines, summary], 1 if lines else 0
