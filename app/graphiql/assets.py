"""Download of the third-party files of GraphiQL.

`python -m app.graphiql.assets` downloads the tarballs that `packages.toml` lists, verifies their
sha512 checksums, and stores the few files that the page needs, gzipped. If the files are up to
date, it does nothing and needs no network.
"""

import base64
import gzip
import hashlib
import re
import shutil
import sys
import tarfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from app.graphiql import npm

HERE = Path(__file__).parent
STATIC = HERE / "static"
PACKAGES = HERE / "packages.toml"
LICENSES = "licenses.txt"
STAMP = "packages.sha256"

FONT_FACES = re.compile(rb"@font-face\s*\{[^}]*\}")
SOURCE_MAP = re.compile(rb"^//# sourceMappingURL=.*$", re.MULTILINE)


class WrongChecksum(Exception):
    """The checksum of a tarball differs from the committed one."""


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package, and the files to keep: the name to serve and the path in the tarball."""

    name: str
    version: str
    integrity: str
    files: Mapping[str, str]
    license: str | None = field(default=None)

    @property
    def specifier(self) -> str:
        """The package with its exact version, as npm expects it."""
        return f"{self.name}@{self.version}"

    @property
    def tarball(self) -> str:
        """The file name that `npm pack` chooses."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


def read_packages(path: Path = PACKAGES) -> tuple[Package, ...]:
    """Return the packages, in the order in which the page loads them."""
    return tuple(Package(**entry) for entry in tomllib.loads(path.read_text())["package"])


def is_up_to_date(static: Path = STATIC) -> bool:
    """Return whether the files of the current `packages.toml` are present."""
    stamp = static / STAMP
    return stamp.is_file() and stamp.read_text() == _stamp()


def download(static: Path = STATIC) -> None:
    """Download all files and replace the folder; raises NpmError or WrongChecksum."""
    packages = read_packages()
    with TemporaryDirectory(prefix="graphiql-") as folder:
        npm.pack([package.specifier for package in packages], target=Path(folder))
        files = dict(unpack(packages, Path(folder)))
    # Written to a temporary folder and renamed, so that the folder is complete or absent.
    with TemporaryDirectory(prefix=".static-", dir=static.parent) as folder:
        new = Path(folder) / "static"
        new.mkdir()
        for name, content in files.items():
            (new / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        (new / STAMP).write_text(_stamp())
        shutil.rmtree(static, ignore_errors=True)
        new.rename(static)


def unpack(packages: Sequence[Package], folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each name to serve with its content, from verified tarballs."""
    licenses = []
    for package in packages:
        tarball = folder / package.tarball
        _verify(package, tarball.read_bytes())
        with tarfile.open(tarball) as archive:
            for name, path in package.files.items():
                yield name, _without_fonts(_member(archive, path))
            if package.license:
                text = _member(archive, package.license).decode()
                licenses.append(f"{package.specifier}\n\n{text}")
    yield LICENSES, "\n\n".join(licenses).encode()


def main() -> int:
    """Download the files unless they are up to date; return 1 if that fails."""
    if is_up_to_date():
        return 0
    try:
        download()
    except (npm.NpmError, WrongChecksum, OSError) as error:
        print(f"Cannot download GraphiQL: {error}.", file=sys.stderr)  # noqa: T201  # a command
        print(  # noqa: T201  # as above
            "  The server works without it. To try again, run: make graphiql", file=sys.stderr
        )
        return 1
    return 0


def _verify(package: Package, content: bytes) -> None:
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != package.integrity:
        raise WrongChecksum(
            f"the checksum of {package.specifier} is {found} instead of {package.integrity}"
        )


def _member(archive: tarfile.TarFile, path: str) -> bytes:
    member = archive.extractfile(f"package/{path}")
    if member is None:
        raise FileNotFoundError(f"the package does not contain the file {path}")
    return member.read()


def _without_fonts(content: bytes) -> bytes:
    """Remove embedded fonts (350 kB, blocked by the content security policy) and source maps."""
    return SOURCE_MAP.sub(b"", FONT_FACES.sub(b"", content))


def _stamp() -> str:
    return hashlib.sha256(PACKAGES.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
