"""The HTML page: GraphiQL where its files are there, else how to bring them."""

import json
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.graphiql.files import NotBrought, our_files, their_files

HERE = Path(__file__).parent
# No inline script, no inline style, no eval, and no other host, not even for an image.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The rest of the security headers are those of every answer (app/http).
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # The same address answers API clients with JSON.
    "Vary": "Accept",
}
PLACEHOLDER = re.compile(r"\{\{ (\S+) \}\}")


def graphiql_page(request: Request) -> Response:
    """GraphiQL; 503 with a page that says how to bring its files where they are not there."""
    try:
        return HTMLResponse(_page(), headers=HEADERS)
    except NotBrought:
        url = str(request.url.replace(query=""))
        return HTMLResponse(_missing(url), status_code=503, headers=HEADERS)


def examples() -> list[dict[str, str]]:
    """Return the example operations, in their order: title, query and variables, as text."""
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
    # A data block, which the policy lets pass; "<" could end it.
    block = json.dumps(examples()).replace("<", "\\u003c")
    names = {plain: file.name for plain, file in (their_files() | our_files()).items()}
    return _fill("page.html", names | {"examples": block})


def _missing(url: str) -> str:
    names = {plain: file.name for plain, file in our_files().items()}
    return _fill("missing.html", names | {"url": escape(url)})


def _fill(template: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: values[match[1]], (HERE / template).read_text())
