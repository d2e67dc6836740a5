"""Generated pages of `docs/reference`: settings, command line, error codes and metrics.

`python -m app.reference export` writes the pages, and `check` compares them with the committed
ones. `pages` names each page and its generator; start there. `error_codes` has the meaning of
every error code. Nothing here needs a database.
"""
