"""`/openapi.json`: OpenAPI 3.1, made from the operations and from the models that validate and answer."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ingress.api_models import ProblemDocument
from ingress.api_operations import EVERYWHERE, OPERATIONS, Answer, Operation, Parameter
from ingress.problems import MEDIA_TYPE, TABLE

_REF: Final = "#/components/schemas/{model}"
_ABOUT: Final = (
    "Signed webhooks in; buyer groups, their past, and the outcome of every change out. Everything that goes wrong is "
    "answered with a problem document (RFC 9457) whose `type` says which one it is. Nothing is ever redirected."
)
_SCHEMES: Final = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token with scopes, made with `person-changes token create`, or the server's API_TOKEN.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "x-signature",
        "description": "Of the raw body; which headers it needs depends on the source: GET on the same address says.",
    },
}


def openapi_document() -> dict[str, Any]:
    """The whole document, as JSON's own values."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "person-changes", "version": "1", "description": _ABOUT},
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": _SCHEMES},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    document: dict[str, Any] = {
        "summary": operation.summary,
        "description": operation.says,
        "operationId": f"{operation.method}_{operation.path.strip('/').replace('/', '_') or 'index'}",
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "responses": _responses(operation),
        "security": _security(operation),
    }
    if operation.body is not None:
        document["requestBody"] = {"required": True, "content": {"application/json": _body(operation)}}
    return document


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.scope is not None:
        return [{"token": [operation.scope]}]  # OpenAPI 3.1 has room for roles beside schemes that are not OAuth's
    return [{"signature": []}] if operation.signed else []


def _parameter(parameter: Parameter) -> dict[str, Any]:
    document = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.says,
        "required": parameter.required,
        "schema": dict(parameter.schema),
    }
    return document if parameter.example is None else {**document, "example": parameter.example}


def _body(operation: Operation) -> dict[str, Any]:
    model = operation.body
    is_model = isinstance(model, type) and issubclass(model, BaseModel)
    content: dict[str, Any] = {"schema": _reference(model) if is_model else {"type": "object"}}  # type: ignore[arg-type]
    return content if operation.example is None else {**content, "example": dict(operation.example)}


def _responses(operation: Operation) -> dict[str, Any]:
    responses = {str(status): _answer(answer) for status, answer in operation.answers.items()}
    for status, codes in _by_status((*operation.problems, *EVERYWHERE)).items():
        problem = _problem(codes)
        if (other := responses.get(str(status))) is not None:
            other["content"] |= problem["content"]
        else:
            responses[str(status)] = problem
    return dict(sorted(responses.items()))


def _answer(answer: Answer) -> dict[str, Any]:
    document: dict[str, Any] = {"description": answer.says}
    if isinstance(answer.content, str):
        schema = {} if "json" in answer.content else {"type": "string"}
        document["content"] = {answer.content: {"schema": schema}}
    elif isinstance(answer.content, tuple):
        one_of = {"oneOf": [_reference(model) for model in answer.content]}
        document["content"] = {"application/json": {"schema": one_of}}
    elif answer.content is not None:
        document["content"] = {"application/json": {"schema": _reference(answer.content)}}
    if answer.headers:
        described = {"required": True, "schema": {"type": "string"}}
        document["headers"] = {name: {"description": says, **described} for name, says in answer.headers.items()}
    return document


def _problem(codes: Iterable[str]) -> dict[str, Any]:
    says = "; ".join(f"`{code}`: {TABLE[code][1]}" for code in codes)
    return {"description": says, "content": {MEDIA_TYPE: {"schema": _reference(ProblemDocument)}}}


def _by_status(codes: Iterable[str]) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        found.setdefault(TABLE[code][0], []).append(code)
    return found


def _models() -> Iterable[type[BaseModel]]:
    """Every model that an operation takes or gives."""
    yield ProblemDocument
    for operation in OPERATIONS:
        given = [operation.body, *(answer.content for answer in operation.answers.values())]
        for content in given:
            for model in content if isinstance(content, tuple) else (content,):
                if isinstance(model, type) and issubclass(model, BaseModel):
                    yield model


def _schemas() -> dict[str, Any]:
    models = [(model, "validation") for model in dict.fromkeys(_models())]
    _, definitions = models_json_schema(models, by_alias=True, ref_template=_REF)  # type: ignore[arg-type]  # a literal
    return dict(definitions["$defs"])


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}
