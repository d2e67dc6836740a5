"""The application: the one place where the parts of the server are put together."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth.authenticator import Authenticator
from app.auth.rate_limit import RateLimit
from app.config.settings import Settings
from app.database.tortoise import database, notifier
from app.delivery import background_delivery, deliveries
from app.graphiql.files import ROUTES as GRAPHIQL_ROUTES
from app.graphql import ConnectionRegistry, GraphQLEndpoint, GraphQLWebSocket, Operations
from app.middleware.exceptions import ExceptionMiddleware
from app.middleware.request import RequestMiddleware
from app.middleware.trusted_host import TrustedHostMiddleware
from app.monitoring.health import healthz, readyz
from app.monitoring.metrics import metrics
from app.rest import REST_ROUTES
from engine.database.commits import COMMITS
from ops import DELIVERIES_DUE
from resolvers.feeds import Feeds

__all__ = ["application"]

# A request is ended by its own limit, which tells the client so; this comes after it.
STATEMENT_GRACE_MS = 1_000


def application(settings: Settings, *, database_url: str) -> Starlette:
    """Return the server's ASGI application over a database that is migrated; raises Trouble."""
    standing = ConnectionRegistry(settings)
    rate_limit = RateLimit(settings)
    operations = Operations(settings)
    endpoint = GraphQLEndpoint(settings, operations, standing)
    socket = GraphQLWebSocket(settings, operations, standing)
    app = Starlette(
        routes=_routes(settings, endpoint, socket),
        lifespan=_lifespan(settings, standing, rate_limit, database_url),
    )
    # REST takes a slash at the end of a path as it is; no other path has one.
    app.router.redirect_slashes = False
    app.middleware_stack = _layers(_GraphQLFirst(endpoint, app.router), settings)
    return app


class _GraphQLFirst:
    """Leads POST /graphql past the router, whose search costs a twentieth of a small query."""

    def __init__(self, endpoint: ASGIApp, router: ASGIApp) -> None:
        self.endpoint = endpoint
        self.router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_hot = scope.get("path") == "/graphql" and scope.get("method") == "POST"
        await (self.endpoint if is_hot else self.router)(scope, receive, send)


def _routes(settings: Settings, endpoint: ASGIApp, socket: ASGIApp) -> list[BaseRoute]:
    routes: list[BaseRoute] = [
        Route("/graphql", endpoint, methods=["GET", "POST", "HEAD", "OPTIONS"]),
        WebSocketRoute("/graphql", socket),
        *REST_ROUTES,
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
    ]
    if settings.graphiql:
        routes += GRAPHIQL_ROUTES
    return routes


def _layers(router: ASGIApp, settings: Settings) -> ASGIApp:
    # In place of Starlette's own layers for errors, which know neither the request's
    # id nor problem documents, and cost more than these.
    answering: ASGIApp = ExceptionMiddleware(router)
    if settings.cors_origins:
        answering = CORSMiddleware(
            answering,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "If-Match",
                "X-GraphQL-Cost",
            ],
            expose_headers=[
                "Allow",
                "ETag",
                "Link",
                "Location",
                "RateLimit-Limit",
                "RateLimit-Remaining",
                "RateLimit-Reset",
                "Retry-After",
                "WWW-Authenticate",
                "X-Request-Id",
            ],
        )
    return RequestMiddleware(TrustedHostMiddleware(answering, settings))


def _lifespan(
    settings: Settings, standing: ConnectionRegistry, rate_limit: RateLimit, database_url: str
) -> Callable[[Starlette], AbstractAsyncContextManager[dict[str, Any]]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:  # noqa: ARG001  # Starlette's signature
        # What is opened first is closed last: attempts under way are recorded
        # before the database goes.
        async with AsyncExitStack() as opened:
            await opened.enter_async_context(
                database(
                    database_url,
                    pool_size=settings.database_pool_size,
                    statement_timeout_ms=settings.request_timeout_ms + STATEMENT_GRACE_MS,
                )
            )
            made = await opened.enter_async_context(deliveries(settings))
            commits = await opened.enter_async_context(
                notifier(settings, database_url, topics=(COMMITS, DELIVERIES_DUE))
            )
            if settings.delivery_worker:
                await opened.enter_async_context(background_delivery(made, commits))
            feeds = Feeds(commits)
            opened.push_async_callback(feeds.close)
            opened.enter_context(standing.ended_by_signals())
            yield {
                "settings": settings,
                "deliveries": made,
                "authenticator": Authenticator(settings, rate_limit),
                "rate_limit": rate_limit,
                "feeds": feeds,
            }

    return lifespan
