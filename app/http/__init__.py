"""HTTP: everything between a socket and the resolvers.

`application` puts it together: the boundary around every request (its id, its log
line, its headers), the answers to what goes wrong, health, GraphQL and the REST
surface of the former service. Nothing here knows what a ticket means: that is the
resolvers' business, and both transports ask the same ones.
"""
