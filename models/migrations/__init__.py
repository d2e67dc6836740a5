"""Database migrations, run by `aerich` in the order of their numbers.

aerich runs each migration once, in a transaction unless it fills a column in batches, and records
it in the table ``aerich``. Do not edit the effect of a released migration. Migrations contain their
SQL as text and do not import models, which change; aerich compares the models with
``MODELS_STATE``.

Start with the migration ``0_20251124000000_init``; `legacy` prepares a database of the former
service for it.
"""
