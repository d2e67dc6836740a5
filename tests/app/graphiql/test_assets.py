"""The download of the third-party files."""

import base64
import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.graphiql.assets import Package, WrongChecksum, read_packages, unpack
from app.graphiql.files import third_party_files
from tests.app.graphiql.checkout import copy_graphiql
from tests.app.graphiql.requirements import needs_files


def _tarball(folder: Path, package: Package, files: Mapping[str, bytes]) -> str:
    """Create the tarball of a package in a folder, and return its checksum."""
    path = folder / package.tarball
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def _package(integrity: str = "sha512-0") -> Package:
    return Package("@a/b", "1.0.0", integrity, {"b.css": "dist/b.css"}, license="LICENSE")


def test_only_the_named_files_of_a_tarball_are_kept(tmp_path: Path) -> None:
    files = {"dist/b.css": b"a{}", "LICENSE": b"Free.", "evil.js": b"alert(1)"}
    integrity = _tarball(tmp_path, _package(), files)
    kept = dict(unpack([_package(integrity)], tmp_path))
    assert kept == {"b.css": b"a{}", "licenses.txt": b"@a/b@1.0.0\n\nFree."}


def test_a_tarball_with_another_checksum_is_refused(tmp_path: Path) -> None:
    integrity = _tarball(tmp_path, _package(), {"dist/b.css": b"a{}", "LICENSE": b""})
    _tarball(tmp_path, _package(), {"dist/b.css": b"b{}", "LICENSE": b""})
    with pytest.raises(WrongChecksum, match=r"the checksum of @a/b@1\.0\.0 is sha512-"):
        dict(unpack([_package(integrity)], tmp_path))


def test_fonts_and_source_maps_are_removed(tmp_path: Path) -> None:
    css = (
        b"@font-face{font-family:F;src:url(data:font/woff2;base64,AA)}a{}\n//# sourceMappingURL=b\n"
    )
    integrity = _tarball(tmp_path, _package(), {"dist/b.css": css, "LICENSE": b""})
    assert dict(unpack([_package(integrity)], tmp_path))["b.css"] == b"a{}\n\n"


def test_every_package_has_an_exact_version_and_a_sha512_checksum() -> None:
    for package in read_packages():
        assert package.version.replace(".", "").isdigit(), package.name
        algorithm, _, digest = package.integrity.partition("-")
        assert (algorithm, len(base64.b64decode(digest))) == ("sha512", 64)


@needs_files
def test_the_downloaded_styles_load_no_fonts_and_no_other_styles() -> None:
    for name in ("graphiql.css", "explorer.css"):
        css = gzip.decompress(third_party_files()[name].gzipped)
        assert b"@font-face" not in css
        assert b"@import" not in css
        assert b"http" not in css


@needs_files
def test_a_second_run_does_not_need_npm_or_a_network(tmp_path: Path) -> None:
    done = _run_assets(Path.cwd(), path=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_failure_of_npm_is_reported_and_leaves_no_files(
    tmp_path: Path,
) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(
        "#!/bin/sh\necho 'npm warn old' >&2\necho 'npm error code ENOTFOUND' >&2\nexit 1\n"
    )
    npm.chmod(0o755)
    checkout = copy_graphiql(tmp_path / "checkout")
    done = _run_assets(checkout, path=npm.parent)
    assert done.returncode == 1
    assert done.stderr == (
        "Cannot download GraphiQL: npm pack failed: npm error code ENOTFOUND.\n"
        "  The server works without it. To try again, run: make graphiql\n"
    )
    assert not [path for path in (checkout / "app/graphiql").iterdir() if "static" in path.name]


def _run_assets(checkout: Path, *, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.graphiql.assets"],
        cwd=checkout,
        env={"PATH": str(path), "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
