"""The error that ends a command with a message for its user."""

__all__ = ["CommandError", "reason_of"]


class CommandError(Exception):
    """Failure that the user of a command can fix.

    The message says in one line what happened; ``hint`` says what to do about it.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def reason_of(error: OSError) -> str:
    """Return the reason of an error of the system for a message, with the file that it is about."""
    reason = error.strerror or str(error) or type(error).__name__
    return f"{reason}: {error.filename}" if error.filename else reason
