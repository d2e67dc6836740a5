"""Coercion of variables and arguments by functions that are made once for each type and document.

`coercion` makes a function for each input type. `variables` coerces those of an operation, within
the limit of `item_budget`; `json_literals` keeps the values that the client sent. `literals` makes
a function for a literal of a document, which fills in its variables. `calls` combines both to call
the resolvers that `fast_resolvers` records in the schema.

Invalid values are left to graphql-core, which then reports the errors. Start with `coercion`.
"""
