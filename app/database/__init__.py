"""The application's database: located or started, migrated, and connected to Tortoise.

`ready` yields the URL of a database that accepts connections and is migrated; start there.
`migrations` applies the migrations of `models`, which `applied` compares with those that the
database records, and `tortoise` connects the models and aerich. `embedded` runs a PostgreSQL server
in DATA_DIR for users without one: `postmaster` controls its process, `cluster` creates its files,
`programs` locates and runs PostgreSQL's programs, and `access` lets them work for root below
folders that only root can enter.
"""
