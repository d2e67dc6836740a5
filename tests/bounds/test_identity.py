"""An API token and JWTs with the same name, and JWTs that quote much text in the log."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from uuid import uuid4

import httpx2
import pytest

from tests.app.http.conftest import Tokens, tokens
from tests.app.http.serving import Served, served
from tests.app.http.test_authentication import SECRET, signed
from tests.app.rest.rest_client import NEW

__all__ = ["tokens"]

SCOPES = "read write ops"
VIEWER = {"query": "{ viewer { name } }"}
MAX_LINE_BYTES = 2048


@pytest.fixture(scope="module")
def limited(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run a server that requires authentication and limits requests."""
    log_file = tmp_path_factory.mktemp("log") / "server.log"
    given = {"AUTH": "required", "JWT_SECRET": SECRET, "RATE_LIMIT": "8/hour"}
    with served(log_file, database_url, **given) as running:
        yield running


def jwt(subject: str) -> str:
    return signed(sub=subject, scope=SCOPES, iss=None, aud=None)


def create(served: Served, credential: str, key: str) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {credential}", "Idempotency-Key": key}
    response: httpx2.Response = served.http.post("/tickets", json=NEW, headers=headers)
    return response


def test_idempotency_keys_and_rate_limits_belong_to_the_kind_and_the_whole_name(
    limited: Served, tokens: Tokens
) -> None:
    name, key = uuid4().hex, uuid4().hex
    scopes = [f"--scope={scope}" for scope in SCOPES.split()]
    callers = [
        tokens("create", name, *scopes),
        jwt(name),
        jwt(f"token:{name}"),
        jwt(f"jwt:{name}"),
        jwt(name + "x" * 300),
        jwt(name + "x" * 300 + "y"),
        jwt(name + "x" * (200 - len(name))),
    ]
    first = [create(limited, caller, key).json()["id"] for caller in callers]
    assert len(set(first)) == len(callers)
    assert [create(limited, caller, key).json()["id"] for caller in callers] == first
    for caller in callers:
        remaining = create(limited, caller, key).headers["RateLimit-Remaining"]
        assert remaining == "5", "three requests of each caller are counted"


def encoded(header: str) -> str:
    return urlsafe_b64encode(header.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        f"{encoded(json.dumps({'alg': 'HS256', 'crit': ['x' * 30_000]}))}.e30.e30",
        f"{encoded(json.dumps({'alg': 'x' * 30_000}))}.e30.e30",
        f"{encoded(json.dumps({'alg': 'HS256', 'kid': 'é' * 5_000}))}.e30.e30",
        f"{encoded('{' + 'x' * 30_000)}.e30.e30",
        "x" * 40_000,
        "." * 40_000,
        "ticketops_" + "x" * 40_000,
    ],
    ids=["crit", "alg", "kid", "not JSON", "no parts", "dots", "API token"],
)
@pytest.mark.parametrize("path", ["/graphql", "/tickets"])
def test_a_credential_writes_little_to_the_log(limited: Served, token: str, path: str) -> None:
    before = len(limited.log_text())
    response = limited.http.post(path, json=VIEWER, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code in {401, 429, 431}
    if response.status_code != 431:
        limited.line_of(response)
    for line in limited.log_text()[before:].splitlines():
        assert len(line.encode()) < MAX_LINE_BYTES


@pytest.mark.parametrize("text", ["x" * 7_000, "%22" * 2_000, "%00" * 2_000])
def test_a_request_writes_little_to_the_log(limited: Served, text: str) -> None:
    before = len(limited.log_text())
    credential = {"Authorization": f"Bearer {jwt(uuid4().hex)}"}
    limited.http.get(f"/{text}", headers=credential)
    limited.http.get(f"/tickets/{text}", headers=credential)
    limited.http.get(f"/tickets?q={text}", headers=credential)
    operation = {"query": f"query {'x' * 7_000} {{ viewer {{ name }} }}"}
    response = limited.http.post(
        "/graphql", json=operation, headers=credential | {"X-Request-Id": text, "User-Agent": text}
    )
    limited.line_of(response)
    for line in limited.log_text()[before:].splitlines():
        assert len(line.encode()) < MAX_LINE_BYTES
