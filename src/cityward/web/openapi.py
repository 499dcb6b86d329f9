"""The API described by itself: OpenAPI 3.1 from the declared routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from cityward.web.identity import DEVICE
from cityward.web.routes import Nothing, Route

_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
_REFERENCE = "#/components/schemas/{name}"
_SECURITY = {
    "session": {"type": "apiKey", "in": "cookie", "name": "cityward"},
    "device_key": {"type": "http", "scheme": "bearer"},
}


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


def describe(routes: Sequence[Route[Any]], title: str, version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these routes."""
    shown = [one for one in routes if not one.hidden]
    types = [one.answer for one in shown if one.answer is not None]
    schemas, components = msgspec.json.schema_components([*types, ProblemDetails], ref_template=_REFERENCE)
    of_type = dict(zip(map(repr, types), schemas, strict=False))
    paths: dict[str, dict[str, Any]] = {}
    for one in shown:
        operation = _operation(one, of_type.get(repr(one.answer)))
        paths.setdefault(_PARAMETER.sub(r"{\1}", one.path), {})[one.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }


def _operation(one: Route[Any], answer: dict[str, Any] | None) -> dict[str, Any]:
    problem = {"schema": {"$ref": _REFERENCE.format(name="ProblemDetails")}}
    media = "application/problem+json" if one.dialect == "problem" else "application/json"
    operation: dict[str, Any] = {
        "summary": one.summary,
        "parameters": [*_path_parameters(one.path), *_query_parameters(one.query)],
        "responses": {
            str(one.status): {"description": one.summary, "content": {one.answer_media: {"schema": answer or {}}}},
            "default": {"description": "a problem", "content": {media: problem}},
        },
        "security": _security(one),
    }
    if one.right is not None:
        operation["x-cityward-right"] = one.right.value
    if one.media:
        operation["requestBody"] = {"required": True, "content": {kind: {"schema": {}} for kind in one.media}}
    return operation


def _security(one: Route[Any]) -> list[dict[str, list[str]]]:
    people = [{"session": list[str]()}] if one.signed_in or one.right is not None else []
    return [{"device_key" if scope == DEVICE else scope: list[str]()} for scope in sorted(one.scopes)] + people


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(path)
    ]


def _query_parameters(kind: type[Any]) -> list[dict[str, Any]]:
    if kind is Nothing:
        return []
    schema = msgspec.json.schema(kind)["$defs"][kind.__name__]
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": one}
        for name, one in schema["properties"].items()
    ]
