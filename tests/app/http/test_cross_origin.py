"""Protection against cross-site request forgery."""

import pytest

from app.http.cross_origin import refuse_cross_origin
from app.http.problem import HttpProblem

HOST = (b"host", b"tickets.example:4040")


def ask(*headers: tuple[bytes, bytes], allowed: tuple[str, ...] = ()) -> None:
    refuse_cross_origin({"type": "http", "headers": [HOST, *headers]}, allowed_origins=allowed)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="not a browser"),
        pytest.param([(b"sec-fetch-site", b"same-origin")], id="our own page"),
        pytest.param([(b"sec-fetch-site", b"none")], id="typed by a person"),
        pytest.param([(b"origin", b"http://tickets.example:4040")], id="our page, old browser"),
        pytest.param(
            [(b"sec-fetch-site", b"same-origin"), (b"origin", b"https://behind.proxy")],
            id="our page, behind a proxy that changes Host",
        ),
    ],
)
def test_own_pages_and_programs_are_allowed(headers: list[tuple[bytes, bytes]]) -> None:
    ask(*headers)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(b"sec-fetch-site", b"cross-site")], id="an image or a form"),
        pytest.param([(b"sec-fetch-site", b"same-site")], id="a sister domain"),
        pytest.param([(b"origin", b"http://evil.example")], id="old browser"),
        pytest.param([(b"origin", b"null")], id="a sandboxed frame"),
        pytest.param(
            [(b"origin", b"http://tickets.example:4040"), (b"origin", b"http://evil.example")],
            id="two origins",
        ),
        pytest.param(
            [(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-site", b"same-origin")],
            id="two sites",
        ),
        pytest.param([(b"origin", b"http://tickets.example")], id="another port"),
        pytest.param(
            [(b"sec-fetch-site", b"cross-site"), (b"origin", b"http://tickets.example:4040")],
            id="the browser knows better",
        ),
    ],
)
def test_pages_of_other_origins_are_rejected(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(HttpProblem) as refusal:
        ask(*headers)
    assert refusal.value.status == 403


def test_a_configured_origin_is_allowed() -> None:
    from_there = [(b"sec-fetch-site", b"cross-site"), (b"origin", b"https://desk.example")]
    ask(*from_there, allowed=("https://desk.example",))
    with pytest.raises(HttpProblem):
        ask(*from_there, allowed=("https://desk.example.org",))
