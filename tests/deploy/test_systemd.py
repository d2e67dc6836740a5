"""The units of systemd: accepted by systemd, and without privileges."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.app.service import TICKETOPS
from tests.docs.markdown import ROOT

FOLDER = ROOT / "deploy" / "systemd"
UNITS = sorted(path.name for path in FOLDER.iterdir())
INSTALLED = "/opt/ticketops/.venv/bin/ticketops"
# Of 100; systemd calls units below 20 OK.
MAX_EXPOSURE = 20


@pytest.fixture
def systemd_analyze() -> str:
    """Return the path of systemd-analyze; skip the test without it."""
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("no systemd-analyze on this machine (on Debian: apt install systemd)")
    return found


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """Write the units with the program of this checkout, because systemd checks that it exists."""
    written = []
    for name in UNITS:
        text = (FOLDER / name).read_text()
        assert text.count(INSTALLED) == 1
        unit = tmp_path / name.replace("@.", "@1.")
        unit.write_text(text.replace(INSTALLED, str(TICKETOPS)))
        written.append(unit)
    return written


def test_systemd_accepts_the_units(systemd_analyze: str, units: list[Path]) -> None:
    done = subprocess.run(
        [systemd_analyze, "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    own = [line for line in done.stderr.splitlines() if "ticketops" in line]
    assert (done.returncode, own) == (0, [])


def test_the_units_have_few_privileges(systemd_analyze: str, units: list[Path]) -> None:
    for unit in units:
        command = (systemd_analyze, "security", "--offline=true", "--no-pager")
        subprocess.run(
            [*command, f"--threshold={MAX_EXPOSURE}", unit], check=True, capture_output=True
        )


def test_each_unit_runs_its_command_as_an_account_of_its_own() -> None:
    commands = {}
    for name in UNITS:
        text = (FOLDER / name).read_text()
        assert "\nUser=ticketops\n" in text
        assert "\nNoNewPrivileges=yes\n" in text
        assert "\nProtectSystem=strict\n" in text
        [commands[name]] = re.findall(rf"^ExecStart={INSTALLED} (\w+)$", text, re.MULTILINE)
    assert commands == {
        "ticketops-migrate.service": "migrate",
        "ticketops-server.service": "serve",
        "ticketops-worker@.service": "worker",
    }
