"""Delivery of tickets to OPS through an outbox, the table ``ops_deliveries``.

A delivery is requested in the transaction of the caller (`deliveries.Deliveries`). An attempt
claims it under a lease (`claims`), calls OPS (`executor`) and records the outcome behind a
fence (`outcome`, batched by `outcome_writer`). `worker.DeliveryWorker` makes the attempts
that are due.

Start with `deliveries`, then `executor`; docs/explanation/outbox.md has the diagram.
"""
