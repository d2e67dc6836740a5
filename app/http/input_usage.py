"""Received input of this process that is held, for the metrics."""

from dataclasses import dataclass

__all__ = ["UNPARSED", "UNPROCESSED", "InputUsage"]


@dataclass(slots=True)
class InputUsage:
    """The bytes that are held now, their limit, and how often input was refused beyond it."""

    used: int = 0
    limit: int = 0
    refused: int = 0


# What connections have received and not parsed.
UNPARSED = InputUsage()
# Large bodies that are not read, and messages that are not handled.
UNPROCESSED = InputUsage()
