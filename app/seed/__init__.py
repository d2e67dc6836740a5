"""Demo data: any number of tickets with all that happened to them, the same for the same seed.

`words` has what they say, `demo` makes one ticket's rows of it, and `copying` brings
them into the database. Nobody in it is real: addresses are of reserved domains
(RFC 2606), phone numbers of ranges kept for fiction.
"""

from app.seed.copying import SeedReport, seed

__all__ = ["SeedReport", "seed"]
