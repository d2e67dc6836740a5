"""Endpoints for monitoring: `health` (/healthz and /readyz) and `metrics` (/metrics).

Start with `metrics`. Four modules declare the metrics: `request_counts`, `service_metrics`,
`process_metrics` and `database_metrics`. `shared_snapshots` adds the values of several processes.
"""
