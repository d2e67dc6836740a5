"""Live feeds of tables, and the execution of subscriptions.

`notifications.Notifier` notifies all processes of commits through LISTEN and NOTIFY. A
`stream.Stream` then reads its table in `commit_order` and distributes the rows to
each `subscriber`; `pacing` decides when it reads. `subscription` executes a GraphQL subscription,
once for all equal ones (`response_sharing`).

docs/explanation/event-feed.md describes the life of a subscriber. Start with `stream`.
"""
