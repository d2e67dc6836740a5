"""Prepare a Strawberry schema for the engine: choose who resolves each field, or reject it.

Start with `decisions`, whose table lists when the engine resolves a field itself. Types mark
their resolvers with `fast_resolver.fast_resolver` and their rows with `row_types.rows_of`;
`features` lists the features that the schema must not use, and `prepare` combines all steps.
"""
