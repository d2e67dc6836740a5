"""Skips tests that need the third-party files if they were not downloaded."""

import os

import pytest

from app.graphiql.assets import is_up_to_date

# The set-up tolerates a machine without a network; CI requires the files.
needs_files = pytest.mark.skipif(
    not is_up_to_date() and not os.environ.get("CI"),
    reason="the files of GraphiQL are missing: run make graphiql",
)
