"""The files of the page, served from memory: its own and the third-party files.

The name of each file contains a digest of its content. Browsers therefore cache it indefinitely and
load a new version at once. Files are gzipped in advance.
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
from app.http.entity_tags import matches_any

HERE = Path(__file__).parent
OWN_FILES = ("icon.svg", "page.css", "page.js")
MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
CACHE_CONTROL = "public, max-age=31536000, immutable"


class FilesMissing(Exception):
    """The third-party files were not downloaded."""


@dataclass(frozen=True, slots=True)
class File:
    """One file to serve; its name contains the digest."""

    name: str
    digest: str
    media_type: str
    gzipped: bytes


@cache
def own_files() -> dict[str, File]:
    """Return the page's own files, by name without digest."""
    return {
        name: _file(name, gzip.compress((HERE / name).read_bytes(), mtime=0)) for name in OWN_FILES
    }


def third_party_files() -> dict[str, File]:
    """Return the third-party files, by name without digest; raises FilesMissing.

    Only a complete set is cached: after `make graphiql`, the next request serves the files
    without a restart.
    """
    try:
        return _third_party_files()
    except FileNotFoundError as error:
        raise FilesMissing from error


async def graphiql_file(request: Request) -> Response:
    """Respond with the file of this name, 304 if the browser has it, or 404."""
    file = _files_by_name().get(request.path_params["name"])
    if file is None:
        raise HTTPException(404)
    headers = {
        "Cache-Control": CACHE_CONTROL,
        # Weak, because the plain and the gzipped form share it.
        "ETag": f'W/"{file.digest}"',
        "Vary": "Accept-Encoding",
    }
    if matches_any(request.scope["headers"], file.digest):
        return Response(status_code=304, headers=headers)
    if accepts_gzip(", ".join(request.headers.getlist("Accept-Encoding"))):
        headers["Content-Encoding"] = "gzip"
        return Response(file.gzipped, media_type=file.media_type, headers=headers)
    return Response(gzip.decompress(file.gzipped), media_type=file.media_type, headers=headers)


ROUTES = (Route("/graphiql/{name}", graphiql_file, methods=["GET"]),)
"""Routes of the files, which the page refers to as `graphiql/...`."""


def _files_by_name() -> dict[str, File]:
    try:
        files = [*own_files().values(), *third_party_files().values()]
    except FilesMissing:
        files = [*own_files().values()]
    return {file.name: file for file in files}


@cache
def _third_party_files() -> dict[str, File]:
    names = [name for package in read_packages() for name in package.files] + [LICENSES]
    return {name: _file(name, (STATIC / f"{name}.gz").read_bytes()) for name in names}


def _file(name: str, gzipped: bytes) -> File:
    digest = hashlib.sha256(gzipped).hexdigest()[:16]
    path = Path(name)
    return File(f"{path.stem}.{digest}{path.suffix}", digest, MEDIA_TYPES[path.suffix], gzipped)
