"""GET /tickets: filters and pages."""

from uuid import uuid4

import httpx2
import pytest

from tests.app.http.conftest import Serve
from tests.app.rest.rest_client import create, problem


def test_the_list_is_an_array_newest_first(http: httpx2.Client) -> None:
    category = str(uuid4())
    created = [create(http, category=category) for _ in range(3)]
    response = http.get("/tickets", params={"category": category})
    assert response.status_code == 200
    assert response.json() == created[::-1]
    assert "Link" not in response.headers


def test_filters_are_combined(http: httpx2.Client) -> None:
    category = str(uuid4())
    one = create(http, category=category, status="closed", priority="low", assigned_to="a & b")
    create(http, category=category, status="closed", priority="low")
    create(http, category=category, status="open", priority="low", assigned_to="a & b")
    create(http, category=category, status="closed", priority="high", assigned_to="a & b")
    params = {
        "category": category,
        "status": "closed",
        "priority": "LOW",
        "assigned_to": "a & b",
        "q": "printer -ice",
    }
    assert http.get("/tickets", params=params).json() == [one]
    assert http.get("/tickets", params=params | {"q": "ice"}).json() == []


def test_following_the_links_gives_every_ticket_once(http: httpx2.Client) -> None:
    category = f"ä & ö {uuid4()}"
    created = [create(http, category=category)["id"] for _ in range(7)]
    found: list[str] = []
    url: str | None = str(
        http.build_request("GET", "/tickets", params={"category": category, "limit": 3}).url
    )
    pages = 0
    while url is not None:
        # The link is an absolute URL.
        response = httpx2.get(url)
        found += [ticket["id"] for ticket in response.json()]
        pages += 1
        link = response.links.get("next")
        url = link["url"] if link else None
    assert found == created[::-1]
    assert pages == 3


def test_the_link_has_the_host_and_scheme_of_the_proxy(serve: Serve) -> None:
    http = serve(HOST="0.0.0.0", AUTH="off").http  # noqa: S104  # as in a container
    create(http)
    create(http)
    headers = {"Host": "desk.example", "X-Forwarded-Proto": "https"}
    response = http.get("/tickets", params={"limit": 1, "q": "printer"}, headers=headers)
    assert response.links["next"]["url"].startswith(
        "https://desk.example/tickets?limit=1&q=printer&"
    )
    headers = {"Host": "not a host<>", "X-Forwarded-Proto": "javascript"}
    response = http.get("/tickets", params={"limit": 1}, headers=headers)
    assert response.links["next"]["url"].startswith("http://127.0.0.1")


def test_a_page_has_50_tickets_by_default_and_at_most_100(http: httpx2.Client) -> None:
    category = str(uuid4())
    for _ in range(101):
        create(http, category=category)
    assert len(http.get("/tickets", params={"category": category}).json()) == 50
    full = http.get("/tickets", params={"category": category, "limit": 100})
    assert len(full.json()) == 100
    assert "next" in full.links


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("status=solved", "status"),
        ("cursor=abc", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=" + "A" * 10_000, "cursor"),
        ("page=2", "page"),
        ("q=%00", "q"),
        ("category=%00", "category"),
    ],
)
def test_an_invalid_parameter_is_named(http: httpx2.Client, query: str, parameter: str) -> None:
    document = problem(http.get(f"/tickets?{query}"), 400, "INVALID")
    assert [error["parameter"] for error in document["errors"]] == [parameter]


@pytest.mark.parametrize(
    ("parameter", "value", "detail"),
    [
        ("q", "a\0", "q must not contain the character NUL."),
        ("q", "x" * 1_001, "q must have at most 1000 characters, not 1001."),
        ("category", "a\0", "category must not contain the character NUL."),
        ("assigned_to", "\0", "assigned_to must not contain the character NUL."),
    ],
)
def test_the_message_names_the_parameter(
    http: httpx2.Client, parameter: str, value: str, detail: str
) -> None:
    response = http.get("/tickets", params={parameter: value})
    document = problem(response, 400, response.json()["code"])
    assert document["detail"] == detail
    [error] = document["errors"]
    assert (error["parameter"], error["detail"]) == (parameter, detail)
