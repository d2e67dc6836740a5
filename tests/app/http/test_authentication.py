"""Authentication and scopes with AUTH=required."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from graphql import GraphQLInterfaceType, GraphQLObjectType, build_schema

from schema.access import SCOPES, required_scopes
from schema.build import graphql_schema
from tests.app.auth.key_server import KeyServer, key_server, new_key, public, token_of
from tests.app.http.conftest import Serve, Tokens
from tests.app.http.serving import Served, served

# Long enough for every algorithm.
SECRET = "a-key-of-the-tests-" * 4
OTHER_SECRET = "another-key-of-the-tests-" * 4
ISSUER = "https://issuer.example"
AUDIENCE = "ticketops"

READ = "{ tickets { totalCount } }"
WRITE = """mutation {
  createTicket(input: {
    subject: "S", description: "", customerName: "N", customerEmail: "n@example.com"
  }) { errors { code } }
}"""
SEND = 'mutation { sendToOps(input: {ticketId: "none"}) { errors { code } } }'
STATUS = '{ opsStatus(ticketId: "none") { errors { code } } }'
VIEWER = "{ viewer { name scopes } }"


@pytest.fixture(scope="module")
def closed(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run a server that requires authentication by API tokens or JWTs."""
    log_file = tmp_path_factory.mktemp("log") / "server.log"
    settings = {"AUTH": "required", "JWT_SECRET": SECRET}
    settings |= {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}
    with served(log_file, database_url, **settings) as running:
        yield running


def ask(served: Served, document: str, token: str | None = None) -> httpx2.Response:
    headers = {"Accept": "application/graphql-response+json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return served.http.post("/graphql", json={"query": document}, headers=headers)


def signed(key: Any = SECRET, algorithm: Any = "HS256", **claims: Any) -> str:
    now = datetime.now(UTC)
    content = {
        "sub": "ann",
        "scope": "read",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": now + timedelta(hours=1),
    } | claims
    content = {name: value for name, value in content.items() if value is not None}
    return jwt.encode(content, key, algorithm=algorithm)


def with_header(header: str) -> str:
    """Return a token with the given text as its header, and a valid signature."""

    def encoded(content: bytes) -> str:
        return urlsafe_b64encode(content).decode().rstrip("=")

    content = f"{encoded(header.encode())}.{signed().split('.')[1]}"
    return f"{content}.{encoded(hmac.digest(SECRET.encode(), content.encode(), 'sha256'))}"


def test_requests_without_a_credential_are_401(closed: Served) -> None:
    for document in (READ, VIEWER, '{ __type(name: "Ticket") { name } }'):
        response = ask(closed, document)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert response.json() == {
            "errors": [
                {
                    "message": "Authentication is required."
                    " Send an API token or a JWT as Authorization: Bearer.",
                    "extensions": {"code": "UNAUTHENTICATED"},
                }
            ]
        }
    for path in ("/tickets", "/tickets/x", "/api/status/x"):
        response = closed.http.get(path)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"


def test_metrics_require_the_scope_admin(closed: Served, new_token: Tokens) -> None:
    def status(*scopes: str) -> int:
        headers = {"Authorization": f"Bearer {new_token(*scopes)}"}
        return closed.http.get("/metrics", headers=headers).status_code

    assert closed.http.get("/metrics").status_code == 401
    assert status("read", "write", "ops") == 403
    assert status("admin") == 200


def test_a_token_allows_exactly_its_scopes(closed: Served, new_token: Tokens) -> None:
    allowed = {
        "read": {READ, VIEWER},
        "write": {WRITE, VIEWER},
        "ops": {SEND, STATUS, VIEWER},
        "admin": {VIEWER},
    }
    for scope, documents in allowed.items():
        token = new_token(scope)
        for document in (READ, WRITE, SEND, STATUS, VIEWER):
            response = ask(closed, document, token)
            if document in documents:
                assert "data" in response.json(), (scope, document)
                assert response.status_code == 200
            else:
                assert response.status_code == 403
                challenge = response.headers["WWW-Authenticate"]
                assert challenge.startswith('Bearer error="insufficient_scope", scope="')
                [error] = response.json()["errors"]
                assert error["extensions"]["code"] == "FORBIDDEN"
                assert "data" not in response.json()


def test_an_operation_with_a_forbidden_field_is_not_executed(
    closed: Served, new_token: Tokens
) -> None:
    token, reader = new_token("write"), new_token("read")
    before = ask(closed, READ, reader).json()
    both = WRITE.rstrip("}") + 'sendToOps(input: {ticketId: "none"}) { errors { code } } }'
    answer = WRITE.replace("errors { code }", "ticket { id } errors { code }")
    for document, needed in ((both, "ops write"), (answer, "read write")):
        refused = ask(closed, document, token)
        assert refused.status_code == 403
        assert f'scope="{needed}"' in refused.headers["WWW-Authenticate"]
    assert ask(closed, READ, reader).json() == before


def test_rest_requires_the_same_credentials(closed: Served, new_token: Tokens) -> None:
    token = new_token("read")
    headers = {"Authorization": f"Bearer {token}"}
    assert closed.http.get("/tickets", headers=headers).status_code == 200
    refused = closed.http.post("/tickets", headers=headers, json={})
    assert refused.status_code == 403
    assert refused.json()["code"] == "FORBIDDEN"
    assert 'scope="read write"' in refused.headers["WWW-Authenticate"]
    assert closed.http.post("/api/ops/x", headers=headers).status_code == 403
    assert closed.http.get("/api/status/x", headers=headers).status_code == 403


def test_health_checks_need_no_credential(closed: Served) -> None:
    assert closed.http.get("/healthz").status_code == 200
    assert closed.http.get("/readyz").status_code == 200


async def test_revoked_and_expired_tokens_are_rejected(
    closed: Served, tokens: Tokens, database_url: str
) -> None:
    revoked = tokens("create", "revoked", "--scope", "read")
    tokens("revoke", "revoked")
    expired = tokens("create", "expired", "--scope", "read", "--days", "1")
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE api_tokens SET expires_at = now() WHERE name = 'expired'")
    await connection.close()
    for token in (revoked, expired, "ticketops_none"):
        response = ask(closed, READ, token)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    listed = tokens("list")
    assert "revoked" in listed
    assert revoked not in listed


def test_a_valid_jwt_has_its_subject_and_the_known_scopes(closed: Served) -> None:
    answer = ask(closed, VIEWER, signed(scope="read ops elsewhere")).json()
    assert answer == {"data": {"viewer": {"name": "ann", "scopes": ["ops", "read"]}}}


def test_the_scopes_of_a_jwt_can_be_a_list(closed: Served) -> None:
    answer = ask(closed, VIEWER, signed(scope=["read", "ops", "elsewhere"])).json()
    assert answer == {"data": {"viewer": {"name": "ann", "scopes": ["ops", "read"]}}}
    assert ask(closed, VIEWER, signed(scope=[])).json()["data"]["viewer"]["scopes"] == []
    assert ask(closed, VIEWER, signed(scope=None)).json()["data"]["viewer"]["scopes"] == []


EXPIRED: dict[str, Any] = {"exp": datetime.now(UTC) - timedelta(minutes=5)}
NOT_YET: dict[str, Any] = {"nbf": datetime.now(UTC) + timedelta(days=1)}


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed(**EXPIRED), id="expired"),
        pytest.param(signed(**NOT_YET), id="not yet good"),
        pytest.param(signed(exp=None), id="without an end"),
        pytest.param(signed(exp="4102444800"), id="with the text of an end"),
        pytest.param(signed(exp=10**400), id="with an end beyond all time"),
        pytest.param(signed(sub=None), id="without a subject"),
        pytest.param(signed(sub=""), id="with an empty subject"),
        pytest.param(signed(sub="a\0nn"), id="with NUL in the subject"),
        pytest.param(signed(sub="a\ud800nn"), id="with half a pair in the subject"),
        pytest.param(signed(scope={"write": True}), id="with an object as scope"),
        pytest.param(signed(scope=["write", 1]), id="with a number among its scopes"),
        pytest.param(signed(scope=[["write"]]), id="with a list among its scopes"),
        pytest.param(signed(scope=1), id="with a number as scope"),
        pytest.param(signed(scope=True), id="with true as scope"),
        pytest.param(signed(exp=float("inf")), id="with an infinite end"),
        pytest.param(signed(exp=float("nan")), id="with an end that is not a number"),
        pytest.param(signed(iat=float("-inf")), id="with an infinite start"),
        pytest.param(signed(nbf=[]), id="with a list as start"),
        pytest.param(signed(aud={"ticketops": 1}), id="with an object as audience"),
        pytest.param(signed(sub=1), id="with a number as subject"),
        pytest.param(signed(sub=["ann"]), id="with a list as subject"),
        pytest.param(signed(iss="https://other.example"), id="of another issuer"),
        pytest.param(signed(aud="other"), id="for another audience"),
        pytest.param(signed(OTHER_SECRET), id="another key"),
        pytest.param(signed(algorithm="HS512"), id="another algorithm"),
        pytest.param(signed(None, "none"), id="alg none"),
        pytest.param(signed()[:-4], id="truncated"),
        pytest.param(signed().rpartition(".")[0] + ".", id="without a signature"),
        pytest.param("x" * 5000, id="long"),
        pytest.param("a.b.c", id="not base64"),
        *(
            pytest.param(with_header(header), id=f"header {header[:30]}")
            for header in (
                '{"alg": "HS256", "crit": ["' + "x" * 30_000 + '"]}',
                '{"alg": "HS256", "crit": []}',
                '{"alg": "HS256", "crit": 1}',
                '{"alg": "HS256", "b64": false}',
                '{"alg": "HS256", "kid": {}}',
                '{"alg": {}}',
                '{"alg": "HS256", "x": ' + "9" * 5000 + "}",
                "[" * 20_000,
                "[]",
                "",
            )
        ),
    ],
)
def test_an_invalid_jwt_is_rejected(closed: Served, token: str) -> None:
    # A ticket stores the name of its creator.
    response = ask(closed, WRITE, token)
    assert response.status_code == 401
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == [
        "UNAUTHENTICATED"
    ]


def test_other_schemes_and_repeated_headers_are_rejected(closed: Served) -> None:
    body = {"query": VIEWER}
    for headers in (
        [("Authorization", f"Basic {signed()}")],
        [("Authorization", signed())],
        [("Authorization", f"Bearer {signed()}")] * 2,
    ):
        response = closed.http.post("/graphql", json=body, headers=headers)
        assert response.status_code == 401
        assert "sent once, as Bearer" in response.text


def test_the_password_of_the_key_set_url_is_not_logged(serve: Serve, keys: KeyServer) -> None:
    url = keys.url.replace("://", "://user:pass-w0rd@")
    closed = serve(AUTH="required", JWT_JWKS_URL=url, LOG_LEVEL="debug")
    keys.status = 404
    ask(closed, VIEWER, token_of("first", new_key()))
    closed.wait_for_text('"reason":"HTTP 404"')
    for secret in ("pass-w0rd", "user:", "/keys"):
        assert secret not in closed.log_text()


def test_secrets_are_not_logged(serve: Serve, new_token: Tokens) -> None:
    closed = serve(AUTH="required", JWT_SECRET=SECRET, LOG_LEVEL="debug")
    ours = new_token("read")
    theirs = signed(iss=None, aud=None)
    for token in (
        ours,
        theirs,
        signed(OTHER_SECRET),
        "ticketops_x1y2",
    ):
        ask(closed, VIEWER, token)
    closed.wait_for_text("request")
    log = closed.log_text()
    for secret in (ours, theirs, SECRET, "ticketops_x1y2"):
        assert secret not in log


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    """Run a server with a set of public keys."""
    with key_server() as keys:
        yield keys


def test_public_keys_are_fetched_and_not_accepted_as_a_secret(
    serve: Serve, keys: KeyServer
) -> None:
    first = new_key()
    second = ec.generate_private_key(ec.SECP256R1())
    keys.publish(public("first", first), public("second", second, "ES256"))
    closed = serve(AUTH="required", JWT_JWKS_URL=keys.url)
    assert ask(closed, READ, token_of("first", first)).status_code == 200
    assert ask(closed, READ, token_of("second", second, "ES256")).status_code == 200
    # Signed with another key, with another algorithm, with an unknown key id, and unsigned.
    assert ask(closed, READ, token_of("first", second, "ES256")).status_code == 401
    assert ask(closed, READ, token_of("first", first, "RS512")).status_code == 401
    assert ask(closed, READ, token_of("unknown", first)).status_code == 401
    assert ask(closed, READ, token_of("first", "x" * 64, "HS256")).status_code == 401


def test_unavailable_keys_are_503_and_not_401(serve: Serve, keys: KeyServer) -> None:
    keys.status = 404
    closed = serve(AUTH="required", JWT_JWKS_URL=keys.url)
    good = token_of("first", new_key())
    for response in (
        ask(closed, READ, good),
        closed.http.get("/tickets", headers={"Authorization": f"Bearer {good}"}),
    ):
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) >= 1
        assert "WWW-Authenticate" not in response.headers
        assert closed.line_of(response)["error_codes"] == ["SERVICE_UNAVAILABLE"]
    # A text that is not a JWT is rejected without a key.
    assert ask(closed, READ, "a.b.c").status_code == 401


def test_every_field_of_the_schema_requires_a_scope_or_is_open() -> None:
    schema = graphql_schema()
    required = required_scopes(schema)
    for name, graphql_type in schema.type_map.items():
        if isinstance(graphql_type, (GraphQLObjectType, GraphQLInterfaceType)):
            for field in graphql_type.fields:
                assert name.startswith("__") or required[f"{name}.{field}"] in SCOPES | {None}
    # A root field without a scope must not return rows.
    for root in ("Query", "Mutation", "Subscription"):
        free = {f for f in schema.type_map[root].fields if required[f"{root}.{f}"] is None}  # type: ignore[attr-defined]
        assert free <= {"viewer"}


def test_a_type_without_a_scope_of_its_own_holds_no_rows() -> None:
    required = required_scopes(graphql_schema())
    open_types = {place.partition(".")[0] for place, scope in required.items() if scope is None}
    payloads = {name for name in open_types if name.endswith(("Payload", "Error"))}
    assert open_types - payloads == {"Query", "PageInfo", "Viewer"}


def test_a_new_type_requires_read_and_a_new_mutation_write() -> None:
    # The names are unlike the schema's: the roots and the payloads are recognized by their use.
    schema = build_schema("""
        schema { query: RootQuery, mutation: RootMutation, subscription: RootSubscription }
        type RootQuery { delivery: DeliveryPayload }
        type RootMutation { rename: Renamed!, wipe: Int, report: Report }
        type RootSubscription { deliveries: DeliveryPayload }
        type DeliveryPayload { body: String, errors: [String!]! }
        type Renamed { delivery: DeliveryPayload, errors: [String!]! }
        type Report { text: String }
    """)
    assert required_scopes(schema) == {
        "RootQuery.delivery": "read",
        "RootMutation.rename": "write",
        "RootMutation.wipe": "write",
        "RootMutation.report": "write",
        "RootSubscription.deliveries": "read",
        "DeliveryPayload.body": "read",
        "DeliveryPayload.errors": "read",
        "Renamed.delivery": None,
        "Renamed.errors": None,
        "Report.text": "read",
    }
