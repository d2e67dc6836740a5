"""The application: the one place where the parts of the server are put together."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp

from app.access.gate import Gate
from app.database import database
from app.graphiql.files import ROUTES as GRAPHIQL_ROUTES
from app.graphql import GraphQLEndpoint, GraphQLWebSocket, Operations, Standing
from app.http.boundary import RequestBoundary
from app.http.faults import FaultAnswers
from app.http.health import healthz, readyz
from app.http.rest import REST_ROUTES
from app.settings import Settings
from app.trouble import Trouble
from engine.bell import Bell
from ops import Deliveries, OpsClient, OpsPolicy, Simulator, SimulatorSettings
from resolvers.feed import Feeds

__all__ = ["application"]


def application(settings: Settings, *, database_url: str) -> Starlette:
    """Return the server's ASGI application over a database that is migrated; raises Trouble."""
    standing = Standing()
    app = Starlette(
        routes=_routes(settings, standing),
        lifespan=_lifespan(settings, _ops_client(settings), standing, database_url),
    )
    # REST takes a slash at the end of a path as it is; no other path has one.
    app.router.redirect_slashes = False
    app.middleware_stack = _layers(app.router, settings)
    return app


def _routes(settings: Settings, standing: Standing) -> list[BaseRoute]:
    operations = Operations(settings)
    endpoint = GraphQLEndpoint(settings, operations, standing)
    # The hot one first: the router tries them in their order.
    routes: list[BaseRoute] = [
        Route("/graphql", endpoint, methods=["GET", "POST", "HEAD", "OPTIONS"]),
        WebSocketRoute("/graphql", GraphQLWebSocket(settings, operations, standing)),
        *REST_ROUTES,
        Route("/healthz", healthz),
        Route("/readyz", readyz),
    ]
    if settings.graphiql:
        routes += GRAPHIQL_ROUTES
    return routes


def _layers(router: ASGIApp, settings: Settings) -> ASGIApp:
    # In place of Starlette's own layers for errors, which know neither the request's
    # id nor problem documents, and cost more than these.
    answering: ASGIApp = FaultAnswers(router)
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
                "Retry-After",
                "WWW-Authenticate",
                "X-Request-Id",
            ],
        )
    return RequestBoundary(answering)


def _lifespan(
    settings: Settings, ops_client: OpsClient, standing: Standing, database_url: str
) -> Callable[[Starlette], AbstractAsyncContextManager[dict[str, Any]]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:  # noqa: ARG001  # Starlette's signature
        # What is opened first is closed last: attempts under way are recorded
        # before the database goes.
        async with AsyncExitStack() as opened:
            await opened.enter_async_context(
                database(database_url, pool_size=settings.database_pool)
            )
            deliveries = Deliveries(ops_client, _ops_policy(settings))
            opened.push_async_callback(deliveries.close)
            # The delivery worker is opened here, and so is among the first to stop.
            feeds = Feeds(await opened.enter_async_context(Bell(database_url)))
            opened.push_async_callback(feeds.close)
            opened.enter_context(standing.ended_by_signals())
            yield {
                "settings": settings,
                "deliveries": deliveries,
                "gate": Gate(settings),
                "feeds": feeds,
            }

    return lifespan


def _ops_client(settings: Settings) -> OpsClient:
    if settings.ops_url is not None:
        # Better no server than one that tells people that a simulator has their tickets.
        raise Trouble(
            "OPS_URL is set, and this version has only the simulated OPS.",
            hint="Unset OPS_URL to use that.",
        )
    return Simulator(
        SimulatorSettings(
            latency_ms=settings.ops_sim_latency_ms,
            failure_rate=settings.ops_sim_failure_rate,
            reject_rate=settings.ops_sim_reject_rate,
            seed=settings.ops_sim_seed,
        )
    )


def _ops_policy(settings: Settings) -> OpsPolicy:
    return OpsPolicy(
        timeout_ms=settings.ops_timeout_ms,
        max_attempts=settings.ops_max_attempts,
        retry_base_ms=settings.ops_retry_base_ms,
        retry_max_ms=settings.ops_retry_max_ms,
    )
