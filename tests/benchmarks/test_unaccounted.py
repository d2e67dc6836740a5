import subprocess
import sys


def test_everything_that_is_switched_off_exists() -> None:
    """In a process of its own, because it replaces parts of the server."""
    text = "from tests.benchmarks.unaccounted import switch_off; switch_off()"
    subprocess.run([sys.executable, "-c", text], check=True)
