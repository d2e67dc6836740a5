"""Who is asking: the one gate that every request passes, whatever carries it.

A caller shows an API token of ours or a JWT of somebody we trust (`Authorization:
Bearer`, RFC 6750). `tokens` keeps the first, `jwt` checks the second, `gate` tells
them apart. What a caller may then do is declared in `schema.access`.
"""
