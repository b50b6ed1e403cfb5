"""The OpenAPI 3.1 document, made of the routes and of the types that requests are decoded into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from jupyter_server.utils import url_path_join

from .. import __version__
from ..engine.errors import Failure
from .routing import ROOT, Operation, Route

_WHAT = """\
Conda environments as Jupyter kernels. Whatever changes something answers 202 with the job that does it; its address is
in `Location`. An environment is named in a path by its name, or by its prefix with each slash written `%2F`."""
_SEGMENTS = {
    "channel": "The name or the URL of a channel, with each slash written `%2F`.",
    "environment": "The name of an environment, or its prefix with each slash written `%2F`.",
    "job": "The id of a job.",
    "lock": "The id of the job that made the lock.",
    "plan": "The id of the job that made the plan.",
    "explanation": "The id of the job that made the explanation.",
    "number": "The number of a revision.",
    "package": "The name of a package.",
}


DOCUMENT = "jupyter_condaenv_openapi"
"""Where the handler finds the document in the server's settings."""


def document(routes: Sequence[Route], base_url: str) -> dict[str, Any]:
    """For a server whose API lies below ``base_url``."""
    operations = [operation for route in routes for operation in route.operations.values()]
    kinds = [Failure]
    for operation in operations:
        kinds += [kind for kind in (operation.answer, operation.body) if kind is not None and kind not in kinds]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(kinds, schemas, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {"title": "jupyter_condaenv", "version": __version__, "description": _WHAT},
        "servers": [{"url": url_path_join(base_url, ROOT)}],
        "security": [{"token": []}],
        "paths": {
            f"/{route.path}": {
                **_segments(route),
                **{verb: _verb(route, verb, one, schema_of) for verb, one in route.operations.items()},
            }
            for route in routes
        },
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`token` and a space, then the server's token.",
                }
            },
        },
    }


def _segments(route: Route) -> dict[str, Any]:
    if not route.parameters:
        return {}
    return {
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": _SEGMENTS[name],
                "schema": {"type": "string", "minLength": 1},
            }
            for name in route.parameters
        ]
    }


def _verb(route: Route, verb: str, operation: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": "_".join([verb, *(part.strip("{}").split(".")[0] for part in route.path.split("/"))]),
        "summary": operation.summary,
        "responses": {
            str(operation.status): {
                "description": "The job that does it." if operation.status == 202 else "The answer.",
                "content": _json(schema_of[operation.answer]),
            },
            "4XX": {"description": "What was asked cannot be done.", "content": _json(schema_of[Failure])},
            "5XX": {"description": "Something failed here.", "content": _json(schema_of[Failure])},
        },
    }
    if operation.status == 202:
        found["responses"]["202"]["headers"] = {
            "Location": {"description": "The address of the job.", "required": True, "schema": {"type": "string"}}
        }
    if operation.body is not None:
        found["requestBody"] = {"required": True, "content": _json(schema_of[operation.body])}
    if operation.query is not None:
        found["parameters"] = _query(operation.query)
    return found


def _query(kind: type[msgspec.Struct]) -> list[dict[str, Any]]:
    schema = msgspec.json.schema(kind)["$defs"][kind.__name__]
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": of_field}
        for name, of_field in schema["properties"].items()
    ]


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
