"""Tickets and their events, with the queries and mutations for them."""
