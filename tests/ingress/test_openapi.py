"""The document that describes the API: it covers every route, and a running process keeps every word of it."""

import json
import os
import re
import subprocess
import sys
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from ingress.api_openapi import openapi_document
from ingress.app import create_app
from ingress.problems import TABLE
from tests.support.system import ROOT, SECRET, System, wait_for

if TYPE_CHECKING:
    from tests.ingress.conftest import Ingress

TOKEN = "a-token-for-tests-only"
SECONDS = 300
EXAMPLES = "40"


def test_it_covers_every_route(offline: "Ingress") -> None:
    """Each address with each of its methods, and nothing that is not there."""
    routes = {
        (method.lower(), re.sub(r":path\}", "}", route.path))
        for route in create_app(offline.settings).routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    paths = openapi_document()["paths"]

    assert {(method, path) for path, methods in paths.items() for method in methods} == routes


def test_it_names_every_problem_that_a_request_can_meet() -> None:
    """Of the table, only what would be our own fault is not announced."""
    text = json.dumps(openapi_document())

    assert {code for code in TABLE if f"`{code}`" not in text} == {"bug", "method"}


def test_the_page_is_for_people_and_needs_nothing_else(offline: "Ingress") -> None:
    """Every route with its sentence; no script, nothing fetched, well formed."""
    answer = offline.get("/docs")
    page = answer.text

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "token with scope refresh" in page
    for model in openapi_document()["components"]["schemas"]:
        assert f"<h3>{model}</h3>" in page
    for path, methods in openapi_document()["paths"].items():
        assert path in page
        assert all(escape(operation["summary"]) in page for operation in methods.values())
    assert not re.search(r"<script|<link|<img|src=|url\(|@import|https?://", page)
    assert _unclosed(page) == []


def _unclosed(page: str) -> list[str]:
    """Elements that are opened and not closed, or closed and not opened."""
    stack: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, _: Any) -> None:
            if tag != "meta":
                stack.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if stack[-1] == tag:
                stack.pop()
            else:
                stack.append(f"/{tag}")

    Parser().feed(page)
    return stack


def _schemathesis(system: System, folder: Path, *words: str, **environment: str) -> None:
    """All checks against a running process."""
    settings = {"API_TOKEN": TOKEN, "API_REQUESTS_PER_SECOND": "0", "LOOKUP_TIMEOUT_SECONDS": "5"}
    url = system.start_ingress(**settings)
    wait_for("ingress", lambda: "ingress listens" in system.children[-1].log.read_text())
    hooks = {"SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--checks", "all"),
            *("--header", f"Authorization: Bearer {TOKEN}", "--max-examples", EXAMPLES, "--generation-deterministic"),
            *("--continue-on-failure", "--no-color", *words),
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=folder,
        env={**os.environ, **hooks, **environment},
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Tested: " in done.stdout


def test_what_it_promises_is_kept(system: System, tmp_path: Path) -> None:
    """schemathesis, with all its checks, finds no request to a running process that is answered otherwise."""
    _schemathesis(system, tmp_path)


def test_what_it_promises_of_signed_webhooks_is_kept(system: System, tmp_path: Path) -> None:
    """The same behind the signature. Which payloads are changes depends on the source, so any object may be refused."""
    words = ("--include-path-regex", "^/api/webhooks", "--exclude-checks", "positive_data_acceptance")
    _schemathesis(system, tmp_path, *words, TEST_WEBHOOK_SECRET=SECRET)
