"""GraphiQL, served to browsers that open /graphql.

`page` returns the HTML page with its security headers; start there. `files` serves the scripts and
styles from the same origin, under names that contain a digest of their content. The third-party
files are not in the repository: `packages.toml` lists them with their checksums, and
`python -m app.graphiql.assets` (`make graphiql`) downloads them to `static/`.
"""
