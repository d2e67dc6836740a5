"""Tickets: queries, filters, history, and the three changes with their validation and SQL.

Start with `changes`: each function validates its input, runs one statement and returns the row.
"""
