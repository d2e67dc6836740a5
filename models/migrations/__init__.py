"""How the database came to be what it is: one numbered step after the other.

`aerich` finds the steps by their names, runs each once in a transaction of its own
and writes it down in the table ``aerich``. They are history: a step that has been
released is not edited. Its SQL stands in it as text, not as a reference to models
that will change; ``MODELS_STATE`` is what aerich compares the models with.
"""
