"""The ASGI application. Only this module wires the parts of the server together."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth.authenticator import Authenticator
from app.auth.rate_limit import RateLimit
from app.config.log_line_limit import UNAUTHENTICATED_LINES
from app.config.settings import Settings
from app.database.replicas import replicas_of
from app.database.tortoise import database, notifier
from app.delivery import background_delivery, deliveries
from app.graphiql.files import ROUTES as GRAPHIQL_ROUTES
from app.graphql import (
    GRAPHQL_PATH,
    ConnectionRegistry,
    GraphQLEndpoint,
    GraphQLWebSocket,
    OperationRunner,
    SubscriptionLimits,
)
from app.http.input_usage import UNPROCESSED
from app.http.received_input import max_received_bytes
from app.http.shutdown_signals import on_shutdown_signal
from app.http.unread_bytes import UNREAD
from app.key_expiry import background_key_expiry
from app.middleware.cors import CorsMiddleware
from app.middleware.exceptions import ExceptionMiddleware
from app.middleware.request import RequestMiddleware
from app.middleware.trusted_host import TrustedHostMiddleware
from app.monitoring.health import Readiness, healthz
from app.monitoring.metrics import metrics, running_metrics
from app.monitoring.services import Services
from app.rest import REST_ROUTES, openapi_json
from engine.database.commits import COMMITS
from ops import DELIVERIES_DUE
from resolvers.feeds import Feeds

__all__ = ["application", "monitoring_application"]

# REQUEST_TIMEOUT_MS ends a request with an error for the client. PostgreSQL ends a statement this
# much later, if the request did not end it.
STATEMENT_GRACE_MS = 1_000


def application(
    settings: Settings, *, database_url: str, metrics_folder: Path | None = None
) -> Starlette:
    """Return the server's ASGI application; the database must be migrated.

    Several processes add their metrics if they have the same ``metrics_folder``.

    Raises CommandError if a setting cannot be used.
    """
    UNREAD.limit = settings.max_unread_bytes_in_total
    UNPROCESSED.limit = max_received_bytes(settings.max_body_bytes)
    registry = ConnectionRegistry()
    rate_limit = RateLimit(settings)
    runner = OperationRunner(settings)
    limits = SubscriptionLimits(settings)
    endpoint = GraphQLEndpoint(settings, runner, registry, limits)
    websocket = GraphQLWebSocket(settings, runner, registry, limits)
    app = Starlette(
        routes=_routes(settings, endpoint, websocket),
        lifespan=_lifespan(settings, registry, rate_limit, database_url, metrics_folder),
    )
    # REST resources accept a trailing slash themselves; no other path has one.
    app.router.redirect_slashes = False
    app.middleware_stack = _with_middleware(_GraphQLShortcut(endpoint, app.router), settings)
    return app


def monitoring_application(settings: Settings, state: Mapping[str, Any]) -> Starlette:
    """Return an application with the health checks and the metrics only, for a worker process.

    The requests have this state, whose parts the caller opens and closes; it is as in the lifespan
    of `application`.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Mapping[str, Any]]:  # noqa: ARG001  # Starlette's signature
        yield state

    app = Starlette(routes=_monitoring_routes(), lifespan=lifespan)
    app.middleware_stack = _with_middleware(app.router, settings)
    return app


class _GraphQLShortcut:
    """Router with a shortcut for POST /graphql: Starlette's takes 5 % of the time of a query."""

    def __init__(self, endpoint: ASGIApp, router: ASGIApp) -> None:
        self.endpoint = endpoint
        self.router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one request."""
        is_graphql = scope.get("path") == GRAPHQL_PATH and scope.get("method") == "POST"
        await (self.endpoint if is_graphql else self.router)(scope, receive, send)


def _routes(settings: Settings, endpoint: ASGIApp, websocket: ASGIApp) -> list[BaseRoute]:
    routes: list[BaseRoute] = [
        Route(GRAPHQL_PATH, endpoint, methods=["GET", "POST", "HEAD", "OPTIONS"]),
        WebSocketRoute(GRAPHQL_PATH, websocket),
        *REST_ROUTES,
        Route("/openapi.json", openapi_json),
        *_monitoring_routes(),
    ]
    if settings.graphiql:
        routes += GRAPHIQL_ROUTES
    return routes


def _monitoring_routes() -> list[BaseRoute]:
    return [
        Route("/healthz", healthz),
        Route("/readyz", Readiness().readyz),
        Route("/metrics", metrics),
    ]


def _with_middleware(router: ASGIApp, settings: Settings) -> ASGIApp:
    # Replaces Starlette's middleware stack, which is slower and lacks problem documents and request
    # ids.
    app: ASGIApp = ExceptionMiddleware(router)
    if settings.cors_origins:
        app = CorsMiddleware(
            app, origins=settings.cors_origins, request_headers=settings.cors_headers
        )
    return RequestMiddleware(TrustedHostMiddleware(app, settings))


def _lifespan(
    settings: Settings,
    registry: ConnectionRegistry,
    rate_limit: RateLimit,
    database_url: str,
    metrics_folder: Path | None,
) -> Callable[[Starlette], AbstractAsyncContextManager[dict[str, Any]]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:  # noqa: ARG001  # Starlette's signature
        # Closed in reverse order: running deliveries are recorded before the database closes.
        async with AsyncExitStack() as resources:
            resources.callback(UNAUTHENTICATED_LINES.end_period)
            delay_s = settings.shutdown_delay_ms / 1000
            resources.enter_context(on_shutdown_signal(registry.close_all, delay_s=delay_s))
            await resources.enter_async_context(
                database(
                    database_url,
                    pool_size=settings.database_pool_size,
                    statement_timeout_ms=settings.request_timeout_ms + STATEMENT_GRACE_MS,
                )
            )
            replicas = await resources.enter_async_context(
                replicas_of(
                    settings,
                    statement_timeout_ms=settings.request_timeout_ms + STATEMENT_GRACE_MS,
                    folder=metrics_folder,
                )
            )
            opened = await resources.enter_async_context(deliveries(settings))
            notifications = await resources.enter_async_context(
                notifier(settings, database_url, topics=(COMMITS, DELIVERIES_DUE))
            )
            if settings.delivery_worker:
                await resources.enter_async_context(background_delivery(opened, notifications))
            await resources.enter_async_context(background_key_expiry(settings))
            feeds = Feeds(notifications)
            resources.push_async_callback(feeds.close)
            services = Services(opened, feeds, notifications, replicas)
            collected = await resources.enter_async_context(
                running_metrics(services, metrics_folder)
            )
            yield {
                "settings": settings,
                "deliveries": opened,
                "authenticator": Authenticator(settings, rate_limit),
                "rate_limit": rate_limit,
                "feeds": feeds,
                "replicas": replicas,
                "metrics": collected,
            }

    return lifespan
