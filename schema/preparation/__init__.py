"""Prepares a Strawberry schema for the engine: who resolves each field, and what is refused.

Start with `decisions`, whose table says when the engine resolves a field itself. Types mark
their resolvers with `fast_resolver.fast_resolver` and their rows with `row_types.rows_of`;
`features` lists what the schema may not use, and `prepare` puts it together.
"""
