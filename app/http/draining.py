"""Draining: the process still answers every request, and its clients should use another server."""

__all__ = ["DRAINING", "Draining"]


class Draining:
    """Whether the process is draining: /readyz answers 503, and connections close when answered."""

    def __init__(self) -> None:
        self.has_begun = False

    def begin(self) -> None:
        """Begin, before the server stops."""
        self.has_begun = True

    def end(self) -> None:
        """End, because the server has stopped."""
        self.has_begun = False


# Of this process.
DRAINING = Draining()
