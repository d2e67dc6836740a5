"""Whether the third-party files are there, for the tests that need them."""

import os

import pytest

from app.graphiql.assets import up_to_date

# On a machine without a network the set-up goes on without them; CI must not.
needs_files = pytest.mark.skipif(
    not up_to_date() and not os.environ.get("CI"),
    reason="GraphiQL's files are not here: make graphiql",
)
