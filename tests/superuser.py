"""Connections of a superuser to an embedded PostgreSQL, which allows them in tests only."""

from pathlib import Path


def superuser_options(data_dir: Path) -> dict[str, str]:
    """Return the options of an embedded PostgreSQL that accepts every role."""
    path = data_dir.resolve() / "tests_hba.conf"
    path.write_text("local all all trust\n")
    path.chmod(0o644)
    return {"hba_file": str(path)}


def superuser_url(url: str) -> str:
    """Return the URL of an embedded database for the superuser."""
    return url.replace("://ticketops@", "://postgres@", 1)
