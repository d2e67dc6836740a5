"""OpenAPI 3.1 document of the REST interface, generated from its routes and from the models.

`document.openapi_document` builds it from the operations in `app.rest.routes`; `schemas` has the
schemas of bodies, `responses` the headers, problem codes and responses. `endpoint` serves it.

Start with `document`.
"""
