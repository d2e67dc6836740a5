"""GraphiQL, the workbench that a browser finds at /graphql.

`page` answers with the HTML page and its strict headers, `files` serves what the
page is made of from our own origin under names that change with their content.
The third-party part is not in the repository: `packages.toml` lists it with its
sums, and `python -m app.graphiql.assets` (`make graphiql`) brings it to `static/`.
"""
