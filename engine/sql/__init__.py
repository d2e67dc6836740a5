"""SQL as data: conditions, orders, pages, and the statements that read them.

`queries` is the interface to resolvers: they return a `SingleRow`, `Page`, `Nodes` or `Loaded`,
built from conditions (`expressions`), an order (`ordering`) and the arguments of a connection
(`paging`, `cursors`). `tables` describes the columns of a Tortoise model, and `timestamps`
converts times without a datetime. `statements` turns a query and a column list into SQL.

Nothing here executes SQL. Start with `queries`, then read `statements`.
"""
