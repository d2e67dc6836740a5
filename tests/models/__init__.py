"""Tests of the tables, the migrations, the adoption of older databases, and restores."""
