"""Invalid bodies get an error with a code, and change nothing."""

from collections.abc import Iterator

import httpx2
import orjson
import pytest

from tests.app.http.conftest import Serve
from tests.app.rest.rest_client import NEW, create, problem

JSON = {"Content-Type": "application/json"}
MIB = 1_048_576

UNREADABLE = {
    "nothing": b"",
    "no JSON": b"subject=Printer",
    "half an object": b'{"subject": "Printer"',
    "two objects": b"{} {}",
    "NaN": b'{"metadata": NaN}',
    "Infinity": b'{"metadata": -Infinity}',
    "a lone surrogate, escaped": b'{"subject": "\\ud800"}',
    "a lone surrogate, encoded": b'{"subject": "\xed\xa0\x80"}',
    "bad UTF-8": b'{"subject": "\xff"}',
    "UTF-16": '{"subject": "x"}'.encode("utf-16"),
    "10,000 levels of arrays": b'{"metadata": %s%s}' % (b"[" * 10_000, b"]" * 10_000),
    "10,000 levels of objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
}
MANY_VALUES = {
    "1 MiB of brackets": b"[" * MIB,
    "a list of 450,000 numbers": b'{"metadata": [%s1]}' % (b"1," * 449_999),
    "110,000 unknown fields": b"{%s}" % b",".join(b'"%x":1' % n for n in range(110_000)),
    "100,000 fields of the same name": b"{%s}" % b",".join([b'"a":1'] * 100_000),
}
WRONG = {
    "an array": b"[]",
    "null": b"null",
    "a string": b'"subject"',
    "a number": b"1",
    "true": b"true",
    "NUL in a text": b'{"subject": "a\\u0000b"}',
    "NUL in metadata": b'{"metadata": {"a": ["\\u0000"]}}',
    "NUL in a key of metadata": b'{"metadata": {"\\u0000": 1}}',
    "a number out of range": b'{"metadata": 1e999}',
    "a 5,000-digit integer": b'{"metadata": %s}' % (b"9" * 5_000),
    "a number with 20,000 digits after the point": b'{"metadata": 1e-20000}',
    "an exponent of 5,000 digits": b'{"metadata": 1e%s}' % (b"9" * 5_000),
    "metadata 150 levels deep": b'{"metadata": %s%s}' % (b"[" * 150, b"]" * 150),
    "metadata of 100 kB": b'{"metadata": "%s"}' % (b"x" * 100_000),
    "an object for a text": b'{"subject": {}}',
    "an array for a text": b'{"description": ["a"]}',
    "a number for a text": b'{"category": 1}',
    "true for an enum": b'{"status": true}',
    "a number for an enum": b'{"priority": 1}',
    "a text that is too long": b'{"subject": "%s"}' % (b"x" * 501),
    "a description of 1 MB": b'{"description": "%s"}' % (b"x" * 1_000_000),
    "an e-mail address that is none": b'{"customer_email": "a@b@c"}',
    "a 100,000-letter field": b'{"%s": 1}' % (b"x" * 100_000),
    "10,000 unknown fields": b"{%s}" % b",".join(b'"f%d": 1' % n for n in range(10_000)),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_that_cannot_be_parsed_is_400(http: httpx2.Client, method: str, body: bytes) -> None:
    ticket = create(http)
    path = "/tickets" if method == "POST" else f"/tickets/{ticket['id']}"
    document = problem(http.request(method, path, content=body, headers=JSON), 400, "INVALID_JSON")
    assert document["detail"].startswith("The body ")
    assert http.get(f"/tickets/{ticket['id']}").json() == ticket


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_with_invalid_values_is_422(http: httpx2.Client, method: str, body: bytes) -> None:
    ticket = create(http)
    path = "/tickets" if method == "POST" else f"/tickets/{ticket['id']}"
    response = http.request(method, path, content=body, headers=JSON)
    assert response.status_code == 422
    document = problem(response, 422, response.json()["code"])
    assert document["errors"]
    assert all(error["pointer"].startswith("#") for error in document["errors"])
    assert len(response.content) < 500_000
    assert http.get(f"/tickets/{ticket['id']}").json() == ticket


@pytest.mark.parametrize("body", MANY_VALUES.values(), ids=MANY_VALUES)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_with_too_many_values_is_413(http: httpx2.Client, method: str, body: bytes) -> None:
    ticket = create(http)
    path = "/tickets" if method == "POST" else f"/tickets/{ticket['id']}"
    response = http.request(method, path, content=body, headers=JSON)
    document = problem(response, 413, "PAYLOAD_TOO_LARGE")
    assert "at most 40,000 are allowed (MAX_JSON_VALUES)" in document["detail"]
    assert http.get(f"/tickets/{ticket['id']}").json() == ticket


def test_only_a_few_unknown_fields_are_listed(http: httpx2.Client) -> None:
    fields = NEW | {f"f{number}": 1 for number in range(10_000)}
    document = problem(http.post("/tickets", json=fields), 422, "INVALID")
    assert len(document["errors"]) == 10
    assert document["errors"][0]["detail"] == "Unknown field f0. Remove it."
    assert document["detail"].endswith("10,000 fields are unknown. Remove them.")


def test_a_body_of_20_mib_is_413_with_and_without_content_length(http: httpx2.Client) -> None:
    problem(http.post("/tickets", content=b" " * 20 * MIB, headers=JSON), 413, "PAYLOAD_TOO_LARGE")

    def in_chunks() -> Iterator[bytes]:
        for _ in range(20 * 16):
            yield b" " * (MIB // 16)

    problem(http.post("/tickets", content=in_chunks(), headers=JSON), 413, "PAYLOAD_TOO_LARGE")
    ticket = create(http)
    for path in (f"/tickets/{ticket['id']}", f"/api/ops/{ticket['id']}"):
        method = "PUT" if path.startswith("/tickets") else "POST"
        response = http.request(method, path, content=b" " * (MIB + 1), headers=JSON)
        problem(response, 413, "PAYLOAD_TOO_LARGE")
    assert http.get(f"/tickets/{ticket['id']}").json() == ticket


def test_the_size_limit_is_exact(serve: Serve) -> None:
    http = serve(MAX_BODY_BYTES="2000").http
    spaces = b" " * 1998
    problem(http.post("/tickets", content=spaces + b"{}", headers=JSON), 422, "REQUIRED")
    problem(http.post("/tickets", content=spaces + b"{} ", headers=JSON), 413, "PAYLOAD_TOO_LARGE")
    chunks = iter([spaces, b"{}"])
    problem(http.post("/tickets", content=chunks, headers=JSON), 422, "REQUIRED")
    chunks = iter([spaces, b"{", b"} "])
    problem(http.post("/tickets", content=chunks, headers=JSON), 413, "PAYLOAD_TOO_LARGE")
    over = http.post("/graphql", content=spaces + b"{}   ", headers=JSON)
    assert over.status_code == 413


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Content-Type": "text/plain"}, id="a form may send this"),
        pytest.param({"Content-Type": "application/x-www-form-urlencoded"}, id="and this"),
        pytest.param({"Content-Type": "multipart/form-data; boundary=x"}, id="and that"),
        pytest.param({"Content-Type": "application/jsonp"}, id="something like it"),
        pytest.param({"Content-Type": "application/json; charset=utf-16"}, id="not UTF-8"),
        pytest.param(JSON | {"Content-Encoding": "br"}, id="compressed by another coding"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_other_content_types_are_rejected(
    http: httpx2.Client, method: str, headers: dict[str, str]
) -> None:
    path = "/tickets" if method == "POST" else f"/tickets/{create(http)['id']}"
    response = http.request(method, path, content=b"{}", headers=headers)
    problem(response, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert response.headers["Accept"] == "application/json"


@pytest.mark.parametrize(
    "content_type",
    ["Application/JSON", "application/json;charset=UTF-8", 'application/json; charset="utf-8"'],
)
def test_all_spellings_of_the_json_content_type_are_accepted(
    http: httpx2.Client, content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    assert http.post("/tickets", content=orjson.dumps(NEW), headers=headers).status_code == 201
