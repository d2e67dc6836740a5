"""Selection of an operation by `operationName`: the error if none is selected."""

from engine.documents.prepared import PreparedDocument

__all__ = ["unselected_reason"]

# Names of operations in an error message, and characters of a requested name.
MAX_NAMES = 10
MAX_NAME_LENGTH = 100


def unselected_reason(document: PreparedDocument, name: str | None) -> str:
    """Return the reason why operationName selects no operation of a valid document."""
    names = [operation.name for operation in document.operations if operation.name is not None]
    listed = ", ".join(names[:MAX_NAMES])
    if len(names) > MAX_NAMES:
        listed += f" and {len(names) - MAX_NAMES} more"
    if not document.operations:
        return "The document contains no operation."
    if name is None:
        return f"The document has several operations. Set operationName to one of {listed}."
    if not names:
        # In a valid document, an operation without a name is the only one.
        return (
            f"The document has no operation named {name[:MAX_NAME_LENGTH]!r}: its operation has no"
            " name. Omit operationName."
        )
    return (
        f"The document has no operation named {name[:MAX_NAME_LENGTH]!r}. Set operationName to one"
        f" of {listed}."
    )
