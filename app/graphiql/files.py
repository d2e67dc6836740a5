"""The files of the page: ours and those that the set-up brought, served from memory.

Each is served under a name that holds the hash of its content, so a browser keeps
it for good and an upgrade is seen at once; gzipped ahead, since it never changes.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.graphiql.assets import LICENSES, STATIC, read_packages
from app.http.compression import accepts_gzip

HERE = Path(__file__).parent
OURS = ("icon.svg", "page.css", "page.js")
MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
FOREVER = "public, max-age=31536000, immutable"


class NotBrought(Exception):
    """The set-up could not bring the third-party files."""


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is served; the name holds the digest."""

    name: str
    digest: str
    media_type: str
    gzipped: bytes


@cache
def our_files() -> dict[str, File]:
    """Return the page's own files, by their plain names."""
    return {name: _file(name, gzip.compress((HERE / name).read_bytes(), mtime=0)) for name in OURS}


def their_files() -> dict[str, File]:
    """Return the third-party files, by their plain names; raises NotBrought where one is missing.

    Only a complete set is remembered: once `make graphiql` has brought it, the next
    request finds it, without a restart.
    """
    try:
        return _their_files()
    except FileNotFoundError as error:
        raise NotBrought from error


async def graphiql_file(request: Request) -> Response:
    """One file by its hashed name, for good; 304 to a browser that has it, else 404."""
    file = _by_hashed_name().get(request.path_params["name"])
    if file is None:
        raise HTTPException(404)
    headers = {
        "Cache-Control": FOREVER,
        # Weak: the plain and the gzipped form have the same one.
        "ETag": f'W/"{file.digest}"',
        "Vary": "Accept-Encoding",
    }
    if file.digest in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    if accepts_gzip(request.headers.get("Accept-Encoding", "")):
        headers["Content-Encoding"] = "gzip"
        return Response(file.gzipped, media_type=file.media_type, headers=headers)
    return Response(gzip.decompress(file.gzipped), media_type=file.media_type, headers=headers)


ROUTES = (Route("/graphiql/{name}", graphiql_file, methods=["GET"]),)
"""What the application mounts for the page, which refers to it as `graphiql/...`."""


def _by_hashed_name() -> dict[str, File]:
    try:
        files = [*our_files().values(), *their_files().values()]
    except NotBrought:
        files = [*our_files().values()]
    return {file.name: file for file in files}


@cache
def _their_files() -> dict[str, File]:
    names = [name for package in read_packages() for name in package.files] + [LICENSES]
    return {name: _file(name, (STATIC / f"{name}.gz").read_bytes()) for name in names}


def _file(name: str, gzipped: bytes) -> File:
    digest = hashlib.sha256(gzipped).hexdigest()[:16]
    path = Path(name)
    return File(f"{path.stem}.{digest}{path.suffix}", digest, MEDIA_TYPES[path.suffix], gzipped)
