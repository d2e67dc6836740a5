"""Scalars, enumerations, filters, connections and errors that the types of every package share."""
