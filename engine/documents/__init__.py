"""GraphQL documents: parsed, measured, validated and prepared once for each text.

`documents` is the entry point: `Documents.prepare` returns a `PreparedDocument` from a cache,
whose operations (`prepared`) hold what requests share. Before validation, `limits` and
`field_merging` bound the work that a document can cause. `validation` runs graphql-core's rules
in fewer walks. `cost`, `introspection` and `scopes` compute what an operation costs and requires.
`caches` counts cache hits for the metrics.

Start with `documents`.
"""
