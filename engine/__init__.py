"""GraphQL at the price of its SQL: the engine knows no ticket.

A resolver answers not with rows but with a query (`One`, `Page`, `Nodes`): which rows,
in which order, which page; or with one row that it has at hand (`Loaded`). The
selection set under it becomes the projection: one SQL statement for the rows of each
selected level, with exactly the selected columns, whatever the number of parents, and
one for what is asked of a page besides (its total, what lies before it). Who asks the
same of different rows at the same moment shares the statement. What is worked out of a
document is worked out once. Whatever does not go as planned is executed plainly by
graphql-core, and what cannot be projected over model instances: the answer is correct
first.

Read the modules in this order: `sql` (conditions as data), `tables` (what a model
says of its columns), `moments` (times as PostgreSQL writes them), `paging` (keyset
windows and cursors), `queries` (what a resolver returns), `statements` (the SQL of
those, also where PostgreSQL would choose the wrong index); `documents` (parsed,
measured and validated once, with `limits`, `merging`, `validation`, `cost`,
`introspection` and `requirements`), `coercion` (variables), `literals` and `calls`
(arguments), `selection` (one run of a document); `projection` and
`connection` (a selection set compiled to columns), `shapes` (those, kept), `reading`
(statements run, small ones for many at once by `batching`), `loading` (objects built),
`plan` (what goes well, answered without graphql-core), `plain` (what cannot be
projected), `executor` (graphql-core, for all the rest), `execution` (the way in);
`deadlines`, and `database` over `pool`, with what can become of it in `failures`, which
all of it stands on.

What is followed live has modules of its own: `bell` (something was committed),
`commit_order` (rows read so that none is missed), `listener` (a bounded buffer),
`stream` (one reader, many listeners), `subscription` (events answered, once for all
who ask the same).

The layers above import only these modules: `arguments.fast_resolvers`, `database.commits`,
`database.errors`, `database.poolers`, `database.queries`, `database.timeouts`,
`database.transactions`, `documents.caches`, `documents.documents`, `documents.limits`,
`errors`, `execution.execution`, `execution.fallback`, `projection.fallbacks`, `sql.cursors`,
`sql.expressions`, `sql.ordering`, `sql.paging`, `sql.queries`, `sql.tables`,
`streaming.notifications`, `streaming.stream`, `streaming.subscriber`,
`streaming.subscription`.
"""
