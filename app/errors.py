"""The error that ends a command with a message for its user."""


class CommandError(Exception):
    """Failure that the user of a command can fix.

    The message says in one line what happened; ``hint`` says what to do about it.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
