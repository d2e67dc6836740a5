"""Persisted documents: trusted documents and automatic persisted queries."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.errors import CommandError
from app.graphql.persisted_documents import DocumentNotFound, PersistedDocuments, read_manifest
from app.graphql.request import GraphQLRequest
from tests.app.http.conftest import Serve
from tests.app.rest.rest_client import create

COUNT = "query Count { tickets { totalCount } }"
STATUS = "query Status($id: ID!) { opsStatus(ticketId: $id) { status } }"
DELETE = "mutation Delete($id: ID!) { deleteTicket(input: {id: $id}) { deletedId } }"
OTHER = "{ viewer { name } }"
ACCEPT = {"Accept": "application/graphql-response+json"}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def persisted(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}


def post(http: httpx2.Client, **body: Any) -> httpx2.Response:
    return http.post("/graphql", json=body, headers=ACCEPT)


def code(response: httpx2.Response) -> str:
    content = response.json()
    assert "data" not in content
    [error] = content["errors"]
    code: str = error["extensions"]["code"]
    return code


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    """Write a manifest with hashes in the forms of @graphql-codegen and relay-compiler."""
    path = tmp_path / "documents.json"
    names = {f"sha256:{sha256(COUNT)}": COUNT, sha256(DELETE): DELETE, "md5-or-else": STATUS}
    path.write_text(json.dumps(names))
    return str(path)


# ------------------------------------------------------------------- automatic persisted queries


def test_a_registered_document_can_be_requested_by_its_hash(http: httpx2.Client) -> None:
    text = COUNT.replace("query Count", "query ToldOnce")
    unknown = post(http, extensions=persisted(text))
    assert unknown.status_code == 400
    assert code(unknown) == "DOCUMENT_NOT_FOUND"
    # Apollo's clients and urql recognize this message, and then send the text.
    assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert "data" in post(http, query=text, extensions=persisted(text)).json()
    assert "data" in post(http, extensions=persisted(text)).json()
    parameters = {"extensions": json.dumps(persisted(text))}
    assert "data" in http.get("/graphql", params=parameters).json()


def test_a_hash_that_does_not_match_the_text_is_rejected(http: httpx2.Client) -> None:
    refused = post(http, query=COUNT, extensions=persisted(OTHER))
    assert refused.status_code == 400
    assert code(refused) == "BAD_USER_INPUT"


def test_an_invalid_document_is_not_registered(http: httpx2.Client) -> None:
    text = "{ nothing }"
    assert code(post(http, query=text, extensions=persisted(text))) == "GRAPHQL_VALIDATION_FAILED"
    assert code(post(http, extensions=persisted(text))) == "DOCUMENT_NOT_FOUND"


@pytest.mark.parametrize(
    "body",
    [
        {"extensions": {"persistedQuery": None}},
        {"extensions": {"persistedQuery": []}},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "x"}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 1}}},
        {"documentId": 1},
        {"documentId": "x", "query": COUNT},
    ],
)
def test_a_request_without_a_document_is_rejected(
    http: httpx2.Client, body: dict[str, Any]
) -> None:
    refused = post(http, **body)
    assert refused.status_code == 400
    assert code(refused) == "BAD_USER_INPUT"


def test_the_least_recently_used_documents_are_evicted() -> None:
    # A tenth of the budget is for these documents: three of 40,000 characters, and their entries.
    documents = PersistedDocuments({}, trusted_only=False, budget_bytes=1_650_000)

    def request_for(text: str) -> GraphQLRequest:
        return GraphQLRequest(text, None, {}, sha256(text), is_apollo=True)

    def is_registered(text: str) -> bool:
        try:
            documents.text_of(GraphQLRequest(None, None, {}, sha256(text), is_apollo=True))
        except DocumentNotFound:
            return False
        return True

    first, second, third, fourth = (letter * 40_000 for letter in "abcd")
    huge = "e" * 50_000
    documents.register(request_for(first))
    documents.register(request_for(second))
    documents.register(request_for(third))
    documents.register(request_for(fourth))
    assert [is_registered(text) for text in (second, first, third, fourth)] == [
        True,
        True,
        True,
        True,
    ]
    documents.register(request_for("f" * 40_000))
    assert [is_registered(text) for text in (first, second, third)] == [True, False, True]
    documents.register(request_for(huge))
    assert [is_registered(text) for text in (first, third, huge)] == [True, True, False]


# -------------------------------------------------------------------------------- trusted documents


def test_a_trusted_document_is_requested_by_its_hash(serve: Serve, manifest: str) -> None:
    http = serve(PERSISTED_DOCUMENTS=manifest).http
    for body in (
        {"documentId": f"sha256:{sha256(COUNT)}"},
        {"documentId": sha256(COUNT)},
        {"extensions": persisted(COUNT)},
    ):
        assert "data" in post(http, **body).json()
    assert "data" in http.get("/graphql", params={"documentId": sha256(COUNT)}).json()
    answer = post(http, documentId="md5-or-else", variables={"id": "none"}).json()
    assert answer["data"]["opsStatus"]["status"] is None
    assert code(post(http, documentId="sha256:none")) == "DOCUMENT_NOT_FOUND"
    # Other documents are still allowed.
    assert "data" in post(http, query=OTHER).json()
    assert "data" in post(http, query=OTHER, extensions=persisted(OTHER)).json()


def test_only_trusted_documents_run_if_configured_so(serve: Serve, manifest: str) -> None:
    http = serve(PERSISTED_DOCUMENTS=manifest, PERSISTED_DOCUMENTS_ONLY="true").http
    for body in (
        {"query": OTHER},
        {"query": OTHER, "extensions": persisted(OTHER)},
        {"extensions": persisted(OTHER)},
        {"query": "{ __schema { types { name } } }"},
    ):
        refused = post(http, **body)
        assert refused.status_code == 400
        assert code(refused) == "DOCUMENT_NOT_FOUND"
    assert "data" in post(http, documentId=sha256(COUNT)).json()
    # The text of a trusted document is allowed, too.
    assert "data" in post(http, query=COUNT).json()


@pytest.mark.parametrize(
    ("text", "wrong", "suggested"),
    [
        pytest.param(
            "query ($f: TicketFilter) { tickets(filter: $f) { totalCount } }",
            "'statu'",
            "'status'",
            id="variables",
        ),
        # The manifest may be of another version of the schema.
        pytest.param("{ ticketz { totalCount } }", "'ticketz'", "'tickets'", id="the document"),
    ],
)
def test_errors_do_not_reveal_names_of_the_schema(
    serve: Serve, tmp_path: Path, text: str, wrong: str, suggested: str
) -> None:
    manifest = tmp_path / "trusted.json"
    manifest.write_text(json.dumps({"trusted": text}))
    parameters = {"documentId": "trusted", "variables": {"f": {"statu": {"eq": "OPEN"}}}}
    messages = {}
    for only in ("false", "true"):
        http = serve(PERSISTED_DOCUMENTS=str(manifest), PERSISTED_DOCUMENTS_ONLY=only).http
        response = post(http, **parameters)
        assert response.status_code == 400
        messages[only] = " ".join(error["message"] for error in response.json()["errors"])
    assert suggested in messages["false"]
    assert wrong in messages["true"]
    assert suggested not in messages["true"]
    assert "Did you mean" not in messages["true"]


def test_trusted_documents_obey_all_other_rules(serve: Serve, manifest: str) -> None:
    """No mutation by GET, and no effect for a page of another origin."""
    http = serve(PERSISTED_DOCUMENTS=manifest).http
    variables = json.dumps({"id": "none"})
    by_get = {"documentId": sha256(DELETE), "variables": variables}
    assert http.get("/graphql", params=by_get).status_code == 405
    status = {"documentId": "md5-or-else", "variables": variables}
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert http.get("/graphql", params=status, headers=elsewhere).status_code == 403


def test_a_response_by_hash_over_get_can_be_cached_and_revalidated(
    serve: Serve, manifest: str
) -> None:
    http = serve(PERSISTED_DOCUMENTS=manifest).http
    parameters = {"documentId": sha256(COUNT)}
    first = http.get("/graphql", params=parameters)
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.headers["Vary"] == "Accept, Authorization"
    has = {"If-None-Match": first.headers["ETag"]}
    again = http.get("/graphql", params=parameters, headers=has)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == "private, no-cache"
    create(http)
    changed = http.get("/graphql", params=parameters, headers=has)
    assert changed.status_code == 200
    assert changed.json() != first.json()
    # Another media type is another representation.
    other = http.get("/graphql", params=parameters, headers=ACCEPT)
    assert other.headers["ETag"] != changed.headers["ETag"]
    for response in (
        http.get("/graphql", params={"query": COUNT}),
        post(http, documentId=sha256(COUNT)),
        http.get("/graphql", params={"documentId": "none"}),
        http.get("/graphql", params={"documentId": "md5-or-else", "variables": '{"id": "none"}'}),
    ):
        assert response.headers["Cache-Control"] == "no-store"
        assert "ETag" not in response.headers


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "Cannot read PERSISTED_DOCUMENTS"),
        ("{", "Cannot use PERSISTED_DOCUMENTS: .*is not valid JSON"),
        ("[]", "is not a manifest"),
        ('{"hash": 1}', "is not a manifest"),
    ],
)
def test_an_unusable_manifest_is_reported(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "documents.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CommandError, match=words):
        read_manifest(path)
