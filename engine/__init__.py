"""Domain-independent engine that compiles GraphQL selections to SQL.

A resolver returns a query (`SingleRow`, `Page`, `Nodes`, or `Loaded` for a row that it already
has), which says which rows to read. The engine compiles the selection set of the field to a
projection: the columns to select and a function that builds the response from a row. It runs one
SQL statement for each selected list level, for all parents at once. Identical small reads of
concurrent requests share a statement. Work that depends only on the document is cached.

A plan executes an operation without graphql-core. The executor, which is graphql-core with
projections, serves operations without a plan and reports errors. The fallback serves ordinary
Strawberry resolvers from model instances. A stream follows a table for subscriptions.

Each package imports only those above it in this list, which is also the order to read them in:

    sql         conditions, orders, pages and statements as data; executes nothing
    database    connections, statements, transactions, commit callbacks, errors
    long_work   turns of the event loop for work that takes long
    arguments   coercion of variables and arguments
    documents   parsing, limits, validation and cost, once for each document
    projection  selection sets compiled to columns, rows read and built
    execution   plans, the executor and the fallback
    streaming   notifications, live feeds of tables, subscriptions

The other layers import only these modules: `arguments.fast_resolvers`, `arguments.json_literals`,
`caches`, `database.caller_positions`, `database.caller_reads`, `database.commits`,
`database.connecting`, `database.dsn`, `database.errors`, `database.libpq`,
`database.memory_grants`, `database.memory_limits`, `database.outages`,
`database.outdated_statements`, `database.queries`, `database.replicas`, `database.replication`,
`database.session`, `database.shares`, `database.time_limit`, `database.timeouts`,
`database.transactions`, `database.turns`, `documents.documents`, `documents.limits`,
`documents.prepared`, `errors`, `exact_json`, `execution.execution`, `execution.fallback`,
`histogram`, `long_work`, `projection.fallbacks`, `projection.response_size`, `sql.cursors`,
`sql.estimates`, `sql.expressions`, `sql.group_statements`, `sql.ordering`, `sql.paging`,
`sql.queries`, `sql.tables`,
`streaming.lost_history`, `streaming.notifications`, `streaming.stream`, `streaming.subscriber`,
`streaming.subscription`.
"""
