"""Where benchmarks keep things."""

from pathlib import Path

_HERE = Path(__file__).parent

# Of the repository.
PEERS = _HERE / "peers"
RESULTS = _HERE / "results"

# Of this machine only; may be deleted at any time.
SCRATCH = _HERE.parent.parent / ".bench"
LOGS = SCRATCH / "logs"
SCRATCH_RESULTS = SCRATCH / "results"
