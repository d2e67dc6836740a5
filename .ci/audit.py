# /// script
# requires-python = ">=3.11"
# dependencies = ["packaging==26.0", "pip-audit==2.10.1", "pypi-simple==1.8.0"]
# ///
"""List known vulnerabilities of the locked packages; exit with status 1 if there are any.

For a package without vulnerability data, print the release dates of its locked and newest version.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from packaging.version import InvalidVersion, Version
from pypi_simple import DistributionPackage, PyPISimple
from requests import RequestException

LOCK = "requirements.lock"
CONNECTIONS = 8


def main() -> None:
    """Audit the lock file in the working directory."""
    audited = list(_audited())
    unknown = [package for package in audited if "skip_reason" in package]
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for line in threads.map(_with_dates, unknown):
            print(line)
    vulnerabilities = 0
    for package in audited:
        for found in package.get("vulns", ()):
            vulnerabilities += 1
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}")
    print(
        f"Dependency audit: {vulnerabilities} known vulnerabilities in"
        f" {len(audited) - len(unknown)} of {len(audited)} packages; {len(unknown)} packages"
        f" without vulnerability data"
    )
    sys.exit(vulnerabilities > 0)


def _audited() -> Iterator[dict[str, Any]]:
    """Yield the result of pip-audit for each package."""
    options = ["--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json"]
    command = [sys.executable, "-m", "pip_audit", *options, "--requirement", LOCK]
    # Its exit status is 1 both for a vulnerability found and for its own failure.
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # no user input
    if not done.stdout:
        sys.exit(f"pip-audit failed without a result:\n{done.stderr}")
    for package in json.loads(done.stdout)["dependencies"]:
        if "skip_reason" in package and "version" not in package:
            # The reason ends with the name and, in brackets, the version.
            package["version"] = package["skip_reason"].rpartition("(")[2].rstrip(")")
        yield package


def _with_dates(package: dict[str, Any]) -> str:
    name, version = package["name"], package["version"]
    try:
        with PyPISimple() as index:
            files = index.get_project_page(name).packages
    except RequestException as error:
        return f"{name} {version}: the index cannot be reached ({type(error).__name__})"
    versions = set(_stable_versions(files))
    line = f"{name} {version}, released {_date(files, version)}"
    newest = str(max(versions, default=version))
    return line if newest == version else f"{line}; newest {newest}, {_date(files, newest)}"


def _stable_versions(files: Iterable[DistributionPackage]) -> Iterator[Version]:
    for file in files:
        try:
            version = Version(file.version or "")
        except InvalidVersion:
            continue
        if not version.is_prerelease and not file.is_yanked:
            yield version


def _date(files: Iterable[DistributionPackage], version: str) -> str:
    times = [file.upload_time for file in files if file.version == version and file.upload_time]
    return f"{min(times):%Y-%m-%d}" if times else "at an unknown date"


main()
