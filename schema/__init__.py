"""The GraphQL schema: Strawberry types, inputs, queries, mutations and subscriptions.

`queries`, `mutations` and `subscriptions` are the root types. `tickets` and `ops` hold the
types of their subject with inputs, payloads and resolvers; `common` holds shared types.
`preparation` decides which fields the engine resolves. The values behind the types are rows
of the models. The schema is printed to the committed ``schema.graphql``, so that its changes
show in diffs. Start with `tickets.ticket` and `tickets.changes`.
"""
