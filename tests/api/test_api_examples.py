"""Every shell example of the documents runs against the application, in order, in a real shell."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from accounts.models import User
from tests.support.documents import Shell, differences, examples_of, run_page

TOP = Path(__file__).parents[2]
PASSWORD = "blue-kettle-on-the-third-shelf"
PAGES = [
    "API_EXAMPLES.md",
    "README.md",
    *sorted(str(page.relative_to(TOP)) for page in (TOP / "docs/howto").glob("*.md")),
]
CODE = re.compile(r"^printf .*; read -r CODE </dev/tty$", re.M)


@pytest.fixture
def shell(live_server: Any, tmp_path: Path) -> Iterator[Shell]:
    User.objects.create_superuser("nora", "nora@example.org", PASSWORD)
    environment = {"OPD_URL": live_server.url, "OPD_USERNAME": "nora", "OPD_PASSWORD": PASSWORD}
    shell = Shell(folder=tmp_path, environment=environment)
    yield shell
    shell.close()


def insert_code_from_mail(script: str) -> str:
    """Return the script with the code of the newest mail inserted."""
    if not CODE.search(script):
        return script
    for _ in range(50):
        if mail.outbox:
            return CODE.sub("CODE=" + re.findall(r"\b\d{6}\b", str(mail.outbox.pop().body))[0], script)
        time.sleep(0.1)
    raise AssertionError("no mail came")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.django_db(transaction=True)
def test_every_example_of_the_page_answers_as_shown(page: str, shell: Shell) -> None:
    run_page(TOP / page, shell=shell, rewrite=insert_code_from_mail)


def test_the_page_of_examples_knows_every_endpoint_of_the_schema() -> None:
    from drf_spectacular.generators import SchemaGenerator

    shown = "\n".join(example.script for example in examples_of(TOP / "API_EXAMPLES.md"))
    calls = {_called(method, url) for method, url in _calls(shown)}
    schema = SchemaGenerator().get_schema(request=None, public=True)
    offered = {
        (method.upper(), re.sub(r"\{\w+\}", "*", path))
        for path, operations in schema["paths"].items()
        for method in operations
        if method in {"get", "post", "put", "patch", "delete"}
    }
    assert offered - calls == set()


def _calls(scripts: str) -> Iterator[tuple[str, str]]:
    for command in re.findall(r"curl [^\n]*", scripts):
        url = re.search(r'"(\$OPD[^"]*)"', command)
        method = re.search(r"-X (\w+)", command)
        if url:
            yield (method[1] if method else "POST" if " -d " in command else "GET"), url[1]


def _called(method: str, url: str) -> tuple[str, str]:
    path = url.split("?")[0].replace("$OPD_URL", "").replace("$OPD", "/api/v1")
    return method, re.sub(r"\$\w+", "*", path)


@pytest.mark.parametrize(
    ("shown", "real", "wanted"),
    [
        ({"a": 1}, {"a": 2.5}, []),
        ({"a": None}, {"a": "x"}, []),
        ({"a": 1, "...": "..."}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {"a": 1, "b": 2}, ["the answer has 'b', which the page does not show"]),
        ({"a": 1, "b": 2}, {"a": 1}, ["the answer has no 'b'"]),
        ({"a": "1"}, {"a": 1}, ["the answer.a is 1, of another kind than '1'"]),
        ({"a": True}, {"a": 1}, ["the answer.a is 1, of another kind than True"]),
        (
            [{"a": 1}],
            [{"a": 1}, {"b": 1}],
            ["the answer[1] has no 'a'", "the answer[1] has 'b', which the page does not show"],
        ),
        ([1], [], ["the answer is empty"]),
        ([], [1], ["the answer is not empty"]),
    ],
)
def test_a_difference_in_shape_is_seen(shown: Any, real: Any, wanted: list[str]) -> None:
    assert list(differences(shown, real)) == wanted
