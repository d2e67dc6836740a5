"""Coercion of variables and arguments by functions that are made once for each type and document.

`coercion` makes a function for each input type, and coerces the variables of an operation.
`literals` makes a function for a literal of a document, which fills in its variables. `calls`
combines both: a `FieldCall` calls the resolver of a field with its arguments.

Invalid values are left to graphql-core, which then reports the errors. Start with `coercion`.
"""
