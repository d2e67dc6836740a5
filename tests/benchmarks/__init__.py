"""The benchmarks: what this server costs, beside others that do the same on the same database.

`make bench` runs the comparison; `make bench ARGS="--help"` tells of the other ones.
What one run needs (databases, the peers' packages, logs) is kept in `.bench`, which
is no part of the repository; results that the README shows are in `results`.
"""
