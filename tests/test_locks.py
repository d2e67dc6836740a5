"""The lock files match pyproject.toml, have hashes, and do not name a host."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
RUNTIME = ROOT / "requirements.lock"
DEVELOPMENT = ROOT / "tests" / "requirements.lock"
CLUSTER = ROOT / "tests" / "cluster" / "requirements.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>\S+)")
# The comment of a pin that this project requires itself.
REQUIRED_BY_PROJECT = "ticketops (pyproject.toml"

LOCKS = [
    pytest.param(RUNTIME, PROJECT["project"]["dependencies"], id="runtime"),
    pytest.param(DEVELOPMENT, PROJECT["dependency-groups"]["dev"], id="development"),
    pytest.param(CLUSTER, PROJECT["dependency-groups"]["cluster"], id="cluster"),
]


def entries(lock: Path) -> list[str]:
    """Return the text of each pin, with its hashes and the packages that require it."""
    text = lock.read_text(encoding="utf-8")
    return re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]


def pins(lock: Path) -> dict[str, str]:
    found = [PIN.match(entry) for entry in entries(lock)]
    return {match["name"]: match["version"] for match in found if match}


@pytest.mark.parametrize(("lock", "wanted"), LOCKS)
def test_each_dependency_is_pinned_to_an_allowed_version(lock: Path, wanted: list[str]) -> None:
    """It fails if a dependency was added without `make lock`."""
    pinned = pins(lock)
    for text in wanted:
        requirement = Requirement(text)
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), text


@pytest.mark.parametrize(("lock", "wanted"), LOCKS)
def test_removed_dependencies_are_not_pinned(lock: Path, wanted: list[str]) -> None:
    pinned = {
        match["name"]
        for entry in entries(lock)
        if REQUIRED_BY_PROJECT in entry and (match := PIN.match(entry))
    }
    assert pinned == {canonicalize_name(Requirement(text).name) for text in wanted}


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT, CLUSTER])
def test_each_pin_has_hashes_and_no_host(lock: Path) -> None:
    for entry in entries(lock):
        assert "--hash=sha256:" in entry, entry
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text


def test_the_two_lock_files_agree() -> None:
    runtime, development = pins(RUNTIME), pins(DEVELOPMENT)
    both = runtime.keys() & development.keys()
    assert {name: runtime[name] for name in both} == {name: development[name] for name in both}
