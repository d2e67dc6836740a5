"""Deliveries to OPS and the log of communications, with the queries and mutations for them."""
