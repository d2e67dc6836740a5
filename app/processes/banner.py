"""Report that the server has started: a banner on a terminal, else a line in the log."""

import logging
from dataclasses import dataclass
from typing import TextIO

from app import __version__
from app.config.settings import Settings
from app.config.urls import is_loopback, without_secrets

logger = logging.getLogger("ticketops")


@dataclass(frozen=True, slots=True)
class Banner:
    """Description of a started server: URL, database, OPS and access."""

    url: str
    settings: Settings
    schema_version: str

    @property
    def _database(self) -> str:
        url = self.settings.database_url
        return without_secrets(url) if url else f"embedded, in {self.settings.data_dir}"

    @property
    def _ops(self) -> str:
        url = self.settings.ops_url
        return without_secrets(url) if url else "simulated"

    @property
    def _access(self) -> str:
        if self.settings.auth == "required":
            return "required"
        if is_loopback(self.settings.host):
            return "open, from this machine only"
        return "open, to everyone who can connect"

    def log(self) -> None:
        """Write one line to the log."""
        fields = {
            "url": self.url,
            "version": __version__,
            "database": self._database,
            "schema_version": self.schema_version,
            "ops": self._ops,
            "access": self._access,
            "workers": self.settings.workers,
        }
        logger.info("listening", extra={"fields": fields})

    def print(self, stream: TextIO) -> None:
        """Write the banner to a terminal."""
        rows = {
            "GraphQL": f"{self.url}/graphql",
            "GraphiQL": f"{self.url}/graphql in a browser" if self.settings.graphiql else "off",
            "REST": f"{self.url}/tickets",
            "Health": f"{self.url}/readyz",
            "Database": f"{self._database} (schema {self.schema_version})",
            "OPS": self._ops,
            "Access": self._access,
        }
        lines = [f"\x1b[1mTicket OPS Management Backend {__version__}\x1b[0m", ""]
        lines += [f"  \x1b[36m{name:<10}\x1b[0m{value}" for name, value in rows.items()]
        lines += ["", "Press Ctrl-C to stop.", ""]
        stream.write("\n".join(lines) + "\n")
        stream.flush()
