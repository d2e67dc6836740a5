"""Bring the third-party files of GraphiQL, checked, to where the server finds them.

`python -m app.graphiql.assets` reads `packages.toml`, fetches each tarball, refuses
one whose sha512 is not the committed one, and keeps the few files that the page
needs, gzipped. A second run finds them there and does nothing, without a network.
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


class WrongSum(Exception):
    """A tarball is not the one whose sum is committed."""


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package: what is brought of it, as served name to path in the tarball."""

    name: str
    version: str
    integrity: str
    files: Mapping[str, str]
    license: str | None = field(default=None)

    @property
    def specifier(self) -> str:
        """The exact version, as npm is asked for it."""
        return f"{self.name}@{self.version}"

    @property
    def tarball(self) -> str:
        """The name that `npm pack` gives the file."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


def read_packages(path: Path = PACKAGES) -> tuple[Package, ...]:
    """Return the packages, in the order in which the page loads them."""
    return tuple(Package(**entry) for entry in tomllib.loads(path.read_text())["package"])


def up_to_date(static: Path = STATIC) -> bool:
    """Whether everything that `packages.toml` lists is there already."""
    stamp = static / STAMP
    return stamp.is_file() and stamp.read_text() == _stamp()


def bring(static: Path = STATIC) -> None:
    """Replace the folder by freshly fetched files; raises NpmError or WrongSum."""
    packages = read_packages()
    with TemporaryDirectory(prefix="graphiql-") as folder:
        npm.pack([package.specifier for package in packages], target=Path(folder))
        files = dict(unpack(packages, Path(folder)))
    # Beside its place and renamed: a set-up that is interrupted leaves no half folder.
    with TemporaryDirectory(prefix=".static-", dir=static.parent) as folder:
        new = Path(folder) / "static"
        new.mkdir()
        for name, content in files.items():
            (new / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        (new / STAMP).write_text(_stamp())
        shutil.rmtree(static, ignore_errors=True)
        new.rename(static)


def unpack(packages: Sequence[Package], folder: Path) -> Iterator[tuple[str, bytes]]:
    """Each served name with its content, out of tarballs whose sums are right."""
    licenses = []
    for package in packages:
        tarball = folder / package.tarball
        _check(package, tarball.read_bytes())
        with tarfile.open(tarball) as archive:
            for name, path in package.files.items():
                yield name, _slim(_member(archive, path))
            if package.license:
                text = _member(archive, package.license).decode()
                licenses.append(f"{package.specifier}\n\n{text}")
    yield LICENSES, "\n\n".join(licenses).encode()


def main() -> int:
    """Bring the files unless they are there; 1 and one line where it cannot be done."""
    if up_to_date():
        return 0
    try:
        bring()
    except (npm.NpmError, WrongSum, OSError) as error:
        print(f"GraphiQL could not be brought ({error}).", file=sys.stderr)  # noqa: T201 - a command
        print("All else works without it; try again by: make graphiql", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _check(package: Package, content: bytes) -> None:
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != package.integrity:
        raise WrongSum(f"{package.specifier} has the sum {found}, not {package.integrity}")


def _member(archive: tarfile.TarFile, path: str) -> bytes:
    member = archive.extractfile(f"package/{path}")
    if member is None:
        raise FileNotFoundError(f"{path} is no file in its package")
    return member.read()


def _slim(content: bytes) -> bytes:
    """Without the embedded fonts (350 kB, refused by the policy) and source map links."""
    return SOURCE_MAP.sub(b"", FONT_FACES.sub(b"", content))


def _stamp() -> str:
    return hashlib.sha256(PACKAGES.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
