"""Demo data: tickets with their history and deliveries, reproducible by a seed.

`loading.seed` adds them to a database; start there. `story` generates the rows of one ticket from
the seed and the number of the ticket, and `vocabulary` has the texts. All people are fictional:
email addresses use reserved domains (RFC 2606), phone numbers ranges reserved for fiction.
"""

from app.seed.loading import SeedReport, seed

__all__ = ["SeedReport", "seed"]
