"""What stops a command before it has done its work, told to the person who typed it."""


class CommandError(Exception):
    """Something that a person must mend: one line that says what, and a hint that says how."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
