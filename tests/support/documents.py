"""Run the shell examples of a Markdown page in order, in one shell, as a reader would."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

END = "--- end of example ---"
FENCE = re.compile(r"^```(\w*)$")
STATUS = re.compile(r"^`(\d{3})`$")
HEAD = re.compile(r"\AHTTP/\S+ \d{3}.*?\r?\n\r?\n", re.S)
MORE = "..."


@dataclass
class Example:
    """One shell block, the expected status of its last request, and the expected shape of the response."""

    line: int
    script: str
    status: int | None = None
    shape: Any = None


def examples_of(page: Path) -> list[Example]:
    """Return the ```bash blocks of a page, each with the `201` line and the ```json block that follow it."""
    found: list[Example] = []
    for line, language, text in _parts(page.read_text(encoding="utf-8")):
        if language == "bash":
            found.append(Example(line=line, script=text))
        elif language == "status" and found:
            found[-1].status = int(text)
        elif language == "json" and found:
            found[-1].shape = json.loads(text)
    return found


def _parts(text: str) -> Iterator[tuple[int, str, str]]:
    language, began, block = "", 0, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        fence = FENCE.match(line)
        if fence and began == 0:
            language, began, block = fence[1], number, []
        elif fence:
            yield began, language, "\n".join(block)
            began = 0
        elif began:
            block.append(line)
        elif found := STATUS.match(line):
            yield number, "status", found[1]


@dataclass
class Outcome:
    """The output of an example and the status of its last request."""

    printed: str
    status: int | None
    exit_code: int

    @property
    def body(self) -> Any:
        """Return the printed JSON without the headers of `curl -i`."""
        return json.loads(HEAD.sub("", self.printed))


class Shell:
    """A bash process in its own directory; reads the status of the last curl from its header dump."""

    def __init__(self, *, folder: Path, environment: dict[str, str]) -> None:
        self._headers = folder / "headers.of.the.last.call"
        tools = folder / "tools"
        tools.mkdir()
        if shutil.which("curl") is None:
            _put(tools / "curl", f'exec "{sys.executable}" "{Path(__file__).with_name("curl.py")}" "$@"')
        if shutil.which("python3") is None:
            _put(tools / "python3", f'exec "{sys.executable}" "$@"')
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env={"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(folder), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.run(f'curl() {{ command curl -D "{self._headers}" "$@"; }}')

    def run(self, script: str) -> Outcome:
        """Run an example and wait until it ends."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._headers.unlink(missing_ok=True)
        self._bash.stdin.write(f"{script}\necho; echo '{END}' $?\n")
        self._bash.stdin.flush()
        printed: list[str] = []
        for line in self._bash.stdout:
            if line.startswith(END):
                exit_code = int(line.removeprefix(END))
                break
            printed.append(line)
        else:
            raise AssertionError(f"the shell ended in the middle of:\n{script}\n{''.join(printed)}")
        return Outcome(printed="".join(printed).strip(), status=self._status(), exit_code=exit_code)

    def _status(self) -> int | None:
        if not self._headers.exists():
            return None
        lines = re.findall(r"^HTTP/\S+ (\d{3})", self._headers.read_text(), re.M)
        return int(lines[-1]) if lines else None

    def close(self) -> None:
        """End the shell."""
        self._bash.communicate(timeout=10)


def _put(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def run_page(page: Path, *, shell: Shell, rewrite: Callable[[str], str] = str) -> int:
    """Run every example of a page and compare each with the page; return how many were run."""
    examples = examples_of(page)
    for example in examples:
        outcome = shell.run(rewrite(example.script))
        where = f"{page.name}, line {example.line}:\n{example.script}\n\n{outcome.printed[:2000]}\n"
        if example.status is not None:
            assert outcome.status == example.status, f"answered {outcome.status}, not {example.status}, in {where}"
        assert outcome.exit_code == 0, f"exit code {outcome.exit_code} in {where}"
        if example.shape is not None:
            for difference in differences(example.shape, outcome.body):
                raise AssertionError(f"{difference}, in {where}")
    return len(examples)


def differences(shown: Any, real: Any, at: str = "the answer") -> Iterator[str]:
    """Return the differences in shape between a response and the page; null matches anything, "..." allows more."""
    if shown is None or real is None:
        return
    if isinstance(shown, dict) and isinstance(real, dict):
        for name in sorted(shown.keys() - real.keys() - {MORE}):
            yield f"{at} has no {name!r}"
        for name in sorted(real.keys() - shown.keys()) if MORE not in shown else []:
            yield f"{at} has {name!r}, which the page does not show"
        for name in sorted(shown.keys() & real.keys()):
            yield from differences(shown[name], real[name], f"{at}.{name}")
    elif isinstance(shown, list) and isinstance(real, list):
        if bool(shown) != bool(real):
            yield f"{at} is {'empty' if shown else 'not empty'}"
        for index, item in enumerate(real if shown else []):
            yield from differences(shown[min(index, len(shown) - 1)], item, f"{at}[{index}]")
    elif _kind(shown) != _kind(real):
        yield f"{at} is {real!r}, of another kind than {shown!r}"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__
