"""HTTP building blocks shared by the GraphQL and REST APIs.

Reading a request: `body`, `content_coding`, `json_body`, `header_lines`, `cross_origin`,
`authentication`, `rate_limiting`, `access_check`. Responding: `raw_response`, `compression`,
`security_headers`, and for errors `problem` (problem documents) and `failure` (failures of the
server). `request_record` collects the data of a request for the log. Start with `request_cycle`,
which connects a request to the server.
"""
