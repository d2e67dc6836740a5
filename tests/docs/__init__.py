"""Tests of the documentation: examples run, links resolve, the index is complete.

`markdown` reads a page, `session` runs its commands, and `expected` compares their output.
`docs/contributing/documentation.md` describes the conventions that a page follows.
"""
