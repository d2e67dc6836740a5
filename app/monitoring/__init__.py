"""Endpoints for monitoring: `health` (/healthz and /readyz) and `metrics` (/metrics).

Start with `metrics`, which declares every metric; `metric_descriptions` lists them for the
documentation.
"""
