"""Tests of the tables, their migrations and what comes before and after them."""
