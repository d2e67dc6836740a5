"""Callers of several servers, each of which changes a ticket of its own and reads it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import jwt

from tests.app.graphql.subscriptions.transport_ws import Socket
from tests.app.rest.conformance import check_conformance

__all__ = ["AUTHENTICATION", "POSITION", "TICKET", "Caller", "called_by", "token_of"]

POSITION = "Ticketops-Position"
SECRET = "a secret of the tests, long enough"  # noqa: S105  # of tests
AUTHENTICATION = {"AUTH": "required", "JWT_SECRET": SECRET}
TICKET = {
    "subject": "0",
    "description": "D",
    "customer_name": "N",
    "customer_email": "n@example.com",
}
_CREATE = """
mutation {
  createTicket(
    input: {subject: "0", description: "D", customerName: "N", customerEmail: "n@example.com"}
  ) { ticket { id } }
}
"""
_UPDATE = """
mutation ($id: ID!, $subject: String!) {
  updateTicket(input: {id: $id, subject: $subject}) { ticket { subject } errors { message } }
}
"""
_DELETE = "mutation ($id: ID!) { deleteTicket(input: {id: $id}) { errors { message } } }"
_READ = "query ($id: ID!) { ticket(id: $id) { subject } }"
_NODE = "query ($id: ID!) { node(id: $id) { ... on Ticket { subject } } }"
_LIST = (
    "query ($id: ID!) { tickets(first: 100) { nodes { id subject } totalCount }"
    " ticket(id: $id) { subject } }"
)


def token_of(name: str) -> str:
    """Return the Authorization header of a caller."""
    claims = {"sub": name, "scope": "read write ops admin", "exp": 4_000_000_000}
    return f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"


@dataclass
class Caller:
    """A caller that keeps the position of its last change if ``sends_position`` is true."""

    servers: list[httpx2.AsyncClient]
    sockets: list[Socket]
    authorization: str
    sends_position: bool
    id: str = ""
    # The subject of its ticket; None before it is created and after it is deleted.
    subject: str | None = None
    position: str = ""
    _operations: int = field(default=0)

    async def write(self, server: int, transport: str) -> None:
        """Create, change or delete the ticket."""
        if self.subject is None:
            self.id = await self._create(server, transport)
            self.subject = "0"
        elif self.subject == "3":
            await self._delete(server, transport)
            self.subject = None
        else:
            subject = str(int(self.subject) + 1)
            await self._update(server, transport, subject)
            self.subject = subject

    async def read(self, server: int, transport: str) -> list[str | None]:
        """Return the subject of the ticket as each way to read it says."""
        if not self.id:
            return []
        if transport == "rest":
            one = await self._request(server, "GET", f"/tickets/{self.id}")
            listed = await self._request(server, "GET", "/tickets", params={"limit": "100"})
            found = {ticket["id"]: ticket["subject"] for ticket in listed.json()}
            return [one.json().get("subject"), found.get(self.id)]
        subjects = []
        for document in (_READ, _NODE, _LIST):
            data = await self._graphql(server, transport, document, id=self.id)
            subjects += [
                value and value["subject"] for name, value in data.items() if name != "tickets"
            ]
            if "tickets" in data:
                nodes = {node["id"]: node["subject"] for node in data["tickets"]["nodes"]}
                subjects.append(nodes.get(self.id))
        return subjects

    async def _create(self, server: int, transport: str) -> str:
        if transport == "rest":
            response = await self._request(server, "POST", "/tickets", json=TICKET)
            assert response.status_code == 201, response.text
            return str(response.json()["id"])
        data = await self._graphql(server, transport, _CREATE)
        return str(data["createTicket"]["ticket"]["id"])

    async def _update(self, server: int, transport: str, subject: str) -> None:
        if transport == "rest":
            path = f"/tickets/{self.id}"
            response = await self._request(server, "PUT", path, json={"subject": subject})
            assert response.status_code == 200, response.text
            assert response.json()["subject"] == subject
            return
        data = await self._graphql(server, transport, _UPDATE, id=self.id, subject=subject)
        assert data["updateTicket"] == {"ticket": {"subject": subject}, "errors": []}

    async def _delete(self, server: int, transport: str) -> None:
        if transport == "rest":
            response = await self._request(server, "DELETE", f"/tickets/{self.id}")
            assert response.status_code == 204, response.text
            return
        data = await self._graphql(server, transport, _DELETE, id=self.id)
        assert data["deleteTicket"] == {"errors": []}

    async def _request(self, server: int, method: str, url: str, **options: Any) -> httpx2.Response:
        headers = {"Authorization": self.authorization}
        if self.sends_position and self.position:
            headers[POSITION] = self.position
        response = await self.servers[server].request(method, url, headers=headers, **options)
        self._keep(response.headers.get(POSITION))
        assert response.status_code < 500, response.text
        return response

    async def _graphql(
        self, server: int, transport: str, document: str, **variables: str
    ) -> dict[str, Any]:
        payload: dict[str, Any] = {"query": document, "variables": variables}
        if transport == "graphql":
            response = await self._request(server, "POST", "/graphql", json=payload)
            result = response.json()
        else:
            if self.sends_position and self.position:
                payload["extensions"] = {"position": self.position}
            self._operations += 1
            id = str(self._operations)  # noqa: A001  # the protocol's word
            socket = self.sockets[server]
            await socket.send(type="subscribe", id=id, payload=payload)
            message = await socket.receive()
            assert message["type"] == "next", message
            result = message["payload"]
            assert await socket.receive() == {"id": id, "type": "complete"}
            self._keep(result.get("extensions", {}).get("position"))
        assert "errors" not in result, result
        data: dict[str, Any] = result["data"]
        return data

    def _keep(self, position: str | None) -> None:
        # Of two, the greater is the later one.
        self.position = max(self.position, position or "")


@asynccontextmanager
async def called_by(*names: str, urls: list[str]) -> AsyncIterator[Callable[[str], Caller]]:
    """Yield the callers of some names, connected to servers; "+" at the end: sends positions."""

    async def conforms(response: httpx2.Response) -> None:
        await response.aread()
        check_conformance(response)

    async with AsyncExitStack() as opened:
        hooks = {"response": [conforms]}
        servers = [
            await opened.enter_async_context(
                httpx2.AsyncClient(base_url=url, timeout=60, event_hooks=hooks)
            )
            for url in urls
        ]
        callers = {}
        for name in names:
            headers = {"Authorization": token_of(name)}
            sockets = [
                await opened.enter_async_context(Socket.opened(url, additional_headers=headers))
                for url in urls
            ]
            callers[name] = Caller(servers, sockets, token_of(name), name.endswith("+"))
        yield callers.__getitem__
