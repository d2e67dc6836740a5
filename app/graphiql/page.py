"""The HTML page: GraphiQL, or instructions if its files are missing."""

import json
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.graphiql.files import FilesMissing, own_files, third_party_files

HERE = Path(__file__).parent
# Without inline scripts and styles, eval, and other hosts.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# In addition to the security headers of all responses (app/http/security_headers.py).
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # The same URL responds to API clients with JSON.
    "Vary": "Accept",
}
PLACEHOLDER = re.compile(r"\{\{ (\S+) \}\}")


def graphiql_page(request: Request) -> Response:
    """Respond with GraphiQL, or with 503 and instructions if its files are missing."""
    try:
        return HTMLResponse(_page(), headers=HEADERS)
    except FilesMissing:
        url = str(request.url.replace(query=""))
        return HTMLResponse(_missing(url), status_code=503, headers=HEADERS)


def examples() -> list[dict[str, str]]:
    """Return the example operations in order, each with title, query and variables as text."""
    return [
        {
            "title": path.read_text().splitlines()[0].removeprefix("# "),
            "query": path.read_text(),
            "variables": path.with_suffix(".json").read_text(),
        }
        for path in sorted((HERE / "examples").glob("*.graphql"))
    ]


@cache
def _page() -> str:
    # A data block, which the content security policy allows. "<" could end the element.
    block = json.dumps(examples()).replace("<", "\\u003c")
    names = {name: file.name for name, file in (third_party_files() | own_files()).items()}
    return _fill("page.html", names | {"examples": block})


def _missing(url: str) -> str:
    names = {name: file.name for name, file in own_files().items()}
    return _fill("missing.html", names | {"url": escape(url)})


def _fill(template: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: values[match[1]], (HERE / template).read_text())
