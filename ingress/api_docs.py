"""The API described for programs and for people; the page needs nothing from anywhere else."""

import json
from collections.abc import Iterable
from functools import cache
from html import escape
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ingress.api_openapi import openapi_document

_POLICY: Final = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"}
_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --get: #1a7f37; --post: #0969da }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 58rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 }
h2 { margin-top: 3rem; font-size: 1.2rem; border-top: 1px solid var(--line); padding-top: 1.5rem }
h3 { font-size: 1rem; margin-bottom: .3rem } code, pre { font: .9em/1.5 ui-monospace, monospace }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; border-radius: 6px }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top;
  padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line) } td:first-child { white-space: nowrap }
.method { color: #fff; border-radius: 4px; padding: .1rem .5rem; font-size: .85em } .get { background: var(--get) }
.post { background: var(--post) } .path { font-family: ui-monospace, monospace } nav li { list-style: none }
nav ul { padding: 0 } a { color: inherit }
"""


class Docs:
    """Serves both."""

    async def openapi(self, _: Request) -> Response:
        """OpenAPI 3.1."""
        return Response(_document(), media_type="application/json")

    async def page(self, _: Request) -> Response:
        """For people."""
        return HTMLResponse(docs_page(), headers=_POLICY)


@cache
def docs_page() -> str:
    """The HTML page."""
    document = openapi_document()
    operations = [(m, p, o) for p, methods in document["paths"].items() for m, o in methods.items()]
    contents = "".join(
        f'<li><a href="#{_anchor(o)}">{_badge(m)} <span class="path">{escape(p)}</span></a> {escape(o["summary"])}</li>'
        for m, p, o in operations
    )
    schemes = _table(
        (name, scheme["description"]) for name, scheme in document["components"]["securitySchemes"].items()
    )
    body = "".join(_section(m, p, o) for m, p, o in operations)
    models = "".join(_fields(name, model) for name, model in document["components"]["schemas"].items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>person-changes: the API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>person-changes</h1><p>{_prose(document['info']['description'])}</p>"
        f'<p>For programs: <a href="/openapi.json">openapi.json</a></p><nav><ul>{contents}</ul></nav>'
        f"<h2>Who may ask</h2>{schemes}{body}<h2>Documents</h2>{models}</body></html>\n"
    )


@cache
def _document() -> bytes:
    return json.dumps(openapi_document(), ensure_ascii=False).encode()


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    """One operation."""
    parts = [
        f'<section><h2 id="{_anchor(operation)}">{_badge(method)} <span class="path">{escape(path)}</span></h2>',
        f"<p><strong>{escape(operation['summary'])}.</strong> {_prose(operation['description'])}</p>",
    ]
    for scheme, scopes in ((scheme, scopes) for each in operation["security"] for scheme, scopes in each.items()):
        needed = f"{scheme} with scope {', '.join(scopes)}" if scopes else scheme
        parts.append(f"<p>Needs: {escape(needed)}.</p>")
    if operation["parameters"]:
        rows = ((f"{p['name']} ({p['in']})", p["description"]) for p in operation["parameters"])
        parts.append(f"<h3>Parameters</h3>{_table(rows)}")
    if "requestBody" in operation:
        parts.append(_request_body(operation["requestBody"]["content"]["application/json"]))
    answers = ((status, _answer(answer)) for status, answer in operation["responses"].items())
    return "".join([*parts, f"<h3>Answers</h3>{_table(answers)}</section>"])


def _request_body(content: dict[str, Any]) -> str:
    example = json.dumps(content.get("example", {}), indent=2, ensure_ascii=False)
    return f"<h3>Body</h3><p>{_prose(_type(content['schema']))}</p><pre>{escape(example)}</pre>"


def _answer(answer: dict[str, Any]) -> str:
    """What it means, and which document it is."""
    schemas = [content["schema"] for content in answer.get("content", {}).values()]
    names = [_name(one) for schema in schemas for one in schema.get("oneOf", [schema]) if "$ref" in one]
    return ": ".join([answer["description"], " or ".join(f"`{name}`" for name in names)][: 2 if names else 1])


def _fields(name: str, model: dict[str, Any]) -> str:
    """A document's fields."""
    rows = ((field, _type(schema)) for field, schema in model.get("properties", {}).items())
    return f"<h3>{escape(name)}</h3><p>{_prose(model.get('description', ''))}</p>{_table(rows)}"


def _type(schema: dict[str, Any]) -> str:
    """What a field holds, in words."""
    if "$ref" in schema:
        kind = f"`{_name(schema)}`"
    elif "anyOf" in schema:
        kind = " or ".join(_type(one) for one in schema["anyOf"])
    elif "enum" in schema or "const" in schema:
        kind = " | ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    elif schema.get("type") == "array":
        kind = f"list of {_type(schema['items'])}"
    else:
        kind = str(schema.get("format") or schema.get("type", "any"))
    return f"{kind}. {schema['description']}" if "description" in schema else kind


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td><code>{escape(name)}</code></td><td>{_prose(says)}</td></tr>" for name, says in rows)
    return f"<table>{cells}</table>"


def _prose(text: str) -> str:
    """Plain text in which backquotes mark code."""
    pieces = escape(text).split("`")
    return "".join(piece if number % 2 == 0 else f"<code>{piece}</code>" for number, piece in enumerate(pieces))


def _badge(method: str) -> str:
    return f'<span class="method {method}">{method.upper()}</span>'


def _anchor(operation: dict[str, Any]) -> str:
    return escape(operation["operationId"].replace("{", "").replace("}", ""))


def _name(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]
