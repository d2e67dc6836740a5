"""Execute prepared operations.

`execute` in `execution` is the entry point. It runs the operation's plan (`plan`). graphql-core's
executor (`executor`) completes whatever the plan does not cover. `fallback` answers queries with
model instances when a selection cannot be compiled to SQL. Start with `execution`.
"""
