"""The operations of the API as typed async functions, independent of Strawberry and HTTP.

A function that reads returns a query of the engine (`SingleRow`, `Page`, `Nodes`), so
that its caller decides which columns are selected. A function that writes is one
transaction and returns the rows that it wrote. Errors that the client can fix are
raised as `ApiError`; each transport renders them in its own format.

Start with `tickets.changes`. `tables` lists every table that the API reads.
"""
