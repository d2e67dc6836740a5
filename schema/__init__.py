"""The API's shape: Strawberry types, inputs, queries, mutations and subscriptions.

A module holds one noun: its type, the lists of it, and the functions that read
the arguments and hand them to the resolvers. The Python values behind the types
are the rows of the models; nothing is copied from one to the other. The whole is
printed in ``schema.graphql``, which is committed, so that a change of the API
shows in its diff.
"""
