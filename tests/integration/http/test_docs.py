"""The documentation: complete, true, and served without any other host."""

import hashlib
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from litestar.routes import HTTPRoute

from facepass.entrypoints.container import in_memory
from facepass.entrypoints.http import schemas
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.http.openapi import openapi_document
from facepass.entrypoints.http.operations import operations
from facepass.entrypoints.http.problems import STATUSES
from facepass.entrypoints.http.routes.docs import ASSETS
from facepass.entrypoints.settings import Settings
from tests.integration.http.support import V1, memory_container, settings

PAGES = {"/docs": "swagger", "/redoc": "redoc"}


def assets() -> Any:
    return files("facepass.entrypoints.http").joinpath("assets")


@pytest.mark.parametrize("page", PAGES)
async def test_pages_load_nothing_from_elsewhere(client: httpx.AsyncClient, page: str) -> None:
    response = await client.get(page)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    links = re.findall(r'(?:src|href)="([^"]*)"', response.text)
    assert len(links) >= 3
    for link in links:
        assert link.startswith("/docs/assets/")
        assert (await client.get(link)).status_code == 200
    assert "http://" not in response.text
    assert "https://" not in response.text
    policy = response.headers["content-security-policy"]
    sources = {word for directive in policy.split("; ") for word in directive.split()[1:]}
    assert sources == {"'none'", "'self'", "'unsafe-inline'", "data:"}
    assert "script-src 'self';" in policy


@pytest.mark.parametrize("name", ["pages/swagger.js", "pages/redoc.js", "pages/redoc.css"])
def test_our_own_scripts_name_no_host(name: str) -> None:
    assert "//" not in re.sub(r"^//.*$", "", assets().joinpath(name).read_text(), flags=re.MULTILINE)


def test_vendored_files_are_the_published_ones() -> None:
    listed = re.findall(
        r"^\| `([^`]+)` \|.*`([0-9a-f]{64})` \|$", assets().joinpath("README.md").read_text(), re.MULTILINE
    )
    assert {name for name, _ in listed} == {name for name in ASSETS if not name.startswith("pages/")}
    for name, digest in listed:
        assert hashlib.sha256(assets().joinpath(name).read_bytes()).hexdigest() == digest
    for folder in ("swagger-ui", "redoc"):
        assert assets().joinpath(folder, "LICENSE").is_file()


async def test_assets_are_compressed_and_revalidated(client: httpx.AsyncClient) -> None:
    path = "/docs/assets/swagger-ui/swagger-ui-bundle.js"
    packed = await client.get(path)
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 600_000
    plain = await client.get(path, headers={"Accept-Encoding": "identity"})
    assert plain.content == packed.content == assets().joinpath("swagger-ui/swagger-ui-bundle.js").read_bytes()
    assert (await client.get(path, headers={"If-None-Match": packed.headers["etag"]})).status_code == 304


async def test_the_root_leads_to_the_documentation(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert (response.status_code, response.headers["location"]) == (307, "/docs")


async def test_the_document_lists_every_route_and_no_other(client: httpx.AsyncClient) -> None:
    container = memory_container()
    document = openapi_document(container)
    assert (await client.get("/openapi.json")).json() == msgspec.json.decode(msgspec.json.encode(document))
    documented = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    served = {
        (method, route.path_format)
        for route in create_app(container).routes
        if isinstance(route, HTTPRoute) and route.path.startswith(f"{V1}/")
        for method in route.methods - {"OPTIONS"}
    }
    assert documented == served


def test_references_lead_somewhere_and_examples_fit() -> None:
    document = openapi_document(memory_container())
    text = msgspec.json.encode(document).decode()
    for reference in set(re.findall(r'"#/([^"]+)"', text)):
        node: Any = document
        for step in reference.split("/"):
            node = node[step]
    for operation in operations(settings()):
        body = msgspec.json.encode(operation.example)
        assert msgspec.json.decode(body, type=operation.answer or str) == operation.example
        assert set(operation.codes) <= set(STATUSES)
    for item in document["paths"].values():
        for operation_item in item.values():
            for status, response in operation_item["responses"].items():
                for example in (
                    response.get("content", {}).get("application/problem+json", {}).get("examples", {}).values()
                ):
                    decoded = msgspec.convert(example["value"], schemas.Problem)
                    assert str(decoded.status) == status == str(STATUSES[decoded.code])


def test_the_document_changes_on_purpose_only() -> None:
    """`make docs` writes what clients program against; a change of it shows in the change that makes it."""
    snapshot = (Path(__file__).parents[3] / "docs" / "openapi.json").read_text(encoding="utf-8")
    assert msgspec.json.decode(snapshot) == msgspec.to_builtins(openapi_document(in_memory(Settings())))


def test_security_is_documented_as_it_is_enforced() -> None:
    key, token, nothing = {"key": []}, {"token": []}, {}
    for access, searching in (("public", [nothing, token, key]), ("token", [token, key]), ("key", [key])):
        paths = openapi_document(memory_container(search_access=access))["paths"]
        assert paths[f"{V1}/search"]["post"]["security"] == searching
        assert paths[f"{V1}/search/status/{{session_id}}"]["get"]["security"] == searching
        assert paths[f"{V1}/index"]["post"]["security"] == [key]
        assert paths[f"{V1}/health"]["get"]["security"] == []
