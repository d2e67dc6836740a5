"""Fixed limits of the memory that operations take."""

__all__ = [
    "CALLER_BYTES",
    "CALLER_GRANTS",
    "NEGLIGIBLE_BYTES",
    "PROCESS_BYTES",
    "PROCESS_GRANTS",
    "TEXT_GRANTS",
]

MIB = 2**20
# An operation that has received less than this is not counted in the sums.
NEGLIGIBLE_BYTES = 32 * 2**10
# Bytes that all operations of a caller, and of the process, may receive without a grant.
CALLER_BYTES = 8 * MIB
PROCESS_BYTES = 64 * MIB
# Operations with a grant at once. Each takes several times MAX_ANSWER_BYTES: rows, answer, copies.
CALLER_GRANTS = 1
PROCESS_GRANTS = 4
TEXT_GRANTS = 1  # Each can take four times as much for its rows.
