"""Connections of a superuser to an embedded PostgreSQL, which allows them in tests only."""

from pathlib import Path

from app.database.access import path_for
from app.database.embedded import VOLATILE, EmbeddedPostgres
from app.database.programs import account_for


def superuser_options(data_dir: Path) -> dict[str, str]:
    """Create an embedded PostgreSQL, and return the options with which it accepts every role."""
    with EmbeddedPostgres(data_dir, options=VOLATILE):
        pass
    cluster = data_dir.resolve() / "postgres"
    file = cluster / "tests_hba.conf"
    file.write_text("local all all trust\n")
    file.chmod(0o644)
    return {"hba_file": str(path_for(cluster, account_for(cluster)) / file.name)}


def superuser_url(url: str) -> str:
    """Return the URL of an embedded database for the superuser."""
    return url.replace("://ticketops@", "://postgres@", 1)
