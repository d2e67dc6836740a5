"""What the API can do, as plain typed async functions: no word of Strawberry or of HTTP.

A function that reads answers with a query of the engine's (`One`, `Page`,
`Nodes`), so that its caller decides what is read of it; a function that changes
something is one transaction, and answers with the rows it wrote. What a caller
can mend is raised as a `ApiError`, which each transport renders in its own way.
The tables that may be read, and by whom, are in one place: `tables`.
"""
