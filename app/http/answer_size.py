"""Message of the error for an answer over MAX_ANSWER_BYTES."""

from engine.projection.response_size import ResponseTooLarge

__all__ = ["answer_too_large"]


def answer_too_large(error: ResponseTooLarge) -> str:
    """Return the message, with the limit, its setting, and the field that weighs most."""
    weighs_most = f" {'.'.join(error.path)} weighs most." if error.path else ""
    return (
        f"The answer is larger than {error.limit:,} bytes (MAX_ANSWER_BYTES).{weighs_most}"
        " Request smaller pages, or fewer fields and aliases."
    )
