"""Coercion of variables and arguments by functions that are made once for each type and document.

`coercion` makes a function for each input type, and coerces the variables of an operation.
`literals` makes a function for a literal of a document, which fills in its variables. `calls`
combines both to call the resolvers that `fast_resolvers` records in the schema.

Invalid values are left to graphql-core, which then reports the errors. Start with `coercion`.
"""
