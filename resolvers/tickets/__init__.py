"""Tickets: queries, filters, history, and create, update and delete with their validation and SQL.

Start with `changes`: each function validates its input, and writes a ticket and its event in one
transaction.
"""
