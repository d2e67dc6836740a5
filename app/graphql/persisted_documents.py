"""Persisted documents: requested by their hash instead of their text.

Trusted documents come from a manifest, as @graphql-codegen and relay-compiler write it. Clients
can register others by sending text and SHA-256 together: Apollo's protocol of automatic
persisted queries.
"""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from app.errors import CommandError
from app.graphql.request import GraphQLRequest
from app.http.json_body import InvalidJson, parse_json
from app.http.problem import HttpProblem
from engine.caches import DEFAULT_BUDGET_BYTES, LruCache, ValueUsage

__all__ = ["DocumentNotFound", "PersistedDocuments", "read_manifest"]

# Measured: the memory of an entry without its text; it includes the hash.
_ENTRY_BYTES = 600
# Prefix of a document id that names the hash function (GraphQL over HTTP, appendix A).
_PREFIX = "sha256:"
_HINT = "It must be a JSON object that maps the hash of each document to its text."
# Apollo's clients recognize this message, and then send the text with the hash.
_APOLLO_NOT_FOUND = "PersistedQueryNotFound"


class DocumentNotFound(Exception):
    """The document is not registered, or not trusted where only trusted ones are allowed."""


def read_manifest(path: Path | None) -> dict[str, str]:
    """Return the texts of a manifest by their hash; raises CommandError if it is unusable."""
    if path is None:
        return {}
    try:
        content = parse_json(path.read_bytes())
    except OSError as error:
        raise CommandError(
            f"Cannot read PERSISTED_DOCUMENTS {path}: {error.strerror}.", hint=_HINT
        ) from None
    except InvalidJson as error:
        reason = error.reason.replace("The body", str(path))
        raise CommandError(f"Cannot use PERSISTED_DOCUMENTS: {reason}", hint=_HINT) from None
    if not isinstance(content, dict) or not all(isinstance(text, str) for text in content.values()):
        raise CommandError(f"PERSISTED_DOCUMENTS {path} is not a manifest.", hint=_HINT)
    return {name.removeprefix(_PREFIX): text for name, text in content.items()}


class PersistedDocuments:
    """Texts of documents by their hash: trusted ones, and recently used registered ones."""

    def __init__(
        self,
        trusted: Mapping[str, str],
        *,
        trusted_only: bool,
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
    ) -> None:
        self.trusted = trusted
        self._trusted_texts = frozenset(trusted.values())
        self._trusted_only = trusted_only
        self._registered: LruCache[str, str] = LruCache("persisted_documents", budget_bytes)

    def text_of(self, request: GraphQLRequest) -> str:
        """Return the text of the requested document.

        Raises DocumentNotFound, and HttpProblem (400) if the hash does not match the text.
        """
        text = request.query
        if request.document_id is not None:
            sha256 = request.document_id.removeprefix(_PREFIX)
            trusted_text = self.trusted.get(sha256)
            if trusted_text is not None:
                return trusted_text
            if text is None:
                return self._registered_text(sha256, is_apollo=request.is_apollo)
            if hashlib.sha256(text.encode()).hexdigest() != sha256:
                detail = (
                    "extensions.persistedQuery.sha256Hash is not the SHA-256 of query in lower-case"
                    " hexadecimal digits."
                )
                raise HttpProblem(400, "BAD_USER_INPUT", detail)
        if text is None or (self._trusted_only and text not in self._trusted_texts):
            raise DocumentNotFound("Only trusted documents are allowed. Send the hash of one.")
        return text

    def is_trusted(self, text: str) -> bool:
        """Return whether a text is in the manifest."""
        return text in self._trusted_texts

    def register(self, request: GraphQLRequest) -> None:
        """Store the document of a request with text and hash; only call this if it is valid."""
        text = request.query
        if text is None or request.document_id is None:
            return
        sha256 = request.document_id.removeprefix(_PREFIX)
        if sha256 in self.trusted or self._registered.get(sha256) is not None:
            return
        self._registered.put(sha256, text, ValueUsage(_ENTRY_BYTES + sys.getsizeof(text)))

    def _registered_text(self, sha256: str, *, is_apollo: bool) -> str:
        text = self._registered.get(sha256)
        if text is None or self._trusted_only:
            message = _APOLLO_NOT_FOUND if is_apollo else "No document has this hash."
            raise DocumentNotFound(message)
        return text
