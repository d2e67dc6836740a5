"""Execute prepared operations.

`execute` in `execution` is the entry point. It runs the operation's plan (`plan`). graphql-core's
executor (`executor`) executes the parts that the plan does not cover. `fallback` loads queries as
model instances if a selection cannot be compiled to SQL. Start with `execution`.
"""
