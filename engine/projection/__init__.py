"""Compile selections to SQL and build response objects from the rows.

`load` in `loading` is the entry point: it takes a query that a resolver returned and the
selection under its field. `projection` compiles a selection of objects (`columns` decides which
columns are sent unchanged), `connection` that of a Relay connection, `compiled` caches both with
their statements. `reading` runs the statements, `aggregates` those of totals, and `response_size`
counts what they add to the response. `context` holds the state of one execution. `fallbacks` has
the reasons why a selection cannot be compiled. Start with `projection`, then `loading`;
docs/explanation/projection-engine.md explains the terms.
"""
