"""REST interface of the former service, on the same resolvers as GraphQL.

`routes.REST_ROUTES` lists every URL with its operations. Fields have the names and the stored
values of the columns. Failures are problem documents (RFC 9457): 400 if the request cannot be
read (path, query, header, JSON), 422 with a pointer to each field if a value is invalid.
`openapi` generates the OpenAPI document, served at ``/openapi.json``, from the same tables.

Start with `routes`, then `resource`.
"""

from app.rest.openapi.endpoint import openapi_json
from app.rest.routes import REST_ROUTES

__all__ = ["REST_ROUTES", "openapi_json"]
