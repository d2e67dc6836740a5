"""Documents that are asked for by their hash: trusted ones, and those that clients told before.

Trusted documents are those of a manifest, as @graphql-codegen and relay-compiler
write it. All others can be told once and then be asked for by their SHA-256: Apollo's
protocol of automatic persisted queries.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from app.errors import CommandError
from app.graphql.request import GraphQLRequest
from app.http.json_body import InvalidJson, parse_json
from app.http.problem import HttpProblem

__all__ = ["DocumentNotFound", "PersistedDocuments", "trusted_documents"]

# The kind of hash, as the draft of GraphQL over HTTP has it (appendix A): "sha256:...".
_PREFIX = "sha256:"
_HINT = "It must be JSON: an object of hashes with the text of a document each."


class DocumentNotFound(Exception):
    """A document that is not known, or not trusted where only trusted ones are served."""


def trusted_documents(manifest: Path | None) -> dict[str, str]:
    """Return the texts of a manifest by their hash; raises Trouble where it cannot be used."""
    if manifest is None:
        return {}
    try:
        content = parse_json(manifest.read_bytes(), is_trusted=True)
    except OSError as error:
        raise CommandError(
            f"PERSISTED_DOCUMENTS cannot be read: {manifest}: {error.strerror}."
        ) from None
    except InvalidJson as error:
        reason = error.reason.replace("The body", str(manifest))
        raise CommandError(f"PERSISTED_DOCUMENTS cannot be used: {reason}", hint=_HINT) from None
    if not isinstance(content, dict) or not all(isinstance(text, str) for text in content.values()):
        raise CommandError(f"PERSISTED_DOCUMENTS is no manifest: {manifest}.", hint=_HINT)
    return {name.removeprefix(_PREFIX): text for name, text in content.items()}


class PersistedDocuments:
    """The texts of documents by their hash; of those that were told, the latest used."""

    def __init__(
        self, trusted: Mapping[str, str], *, trusted_only: bool, capacity: int = 1_000_000
    ) -> None:
        self.trusted = trusted
        self._trusted_texts = frozenset(trusted.values())
        self._trusted_only = trusted_only
        # In characters: what was told takes no more memory than this.
        self._capacity = capacity
        self._size = 0
        self._told: OrderedDict[str, str] = OrderedDict()

    def text_of(self, request: GraphQLRequest) -> str:
        """Return the text of what is asked; raises DocumentNotFound and HttpProblem (400)."""
        text = request.query
        if request.document_id is not None:
            name = request.document_id.removeprefix(_PREFIX)
            trusted = self.trusted.get(name)
            if trusted is not None:
                return trusted
            if text is None:
                return self._told_text(name, is_apollo=request.may_tell)
            if hashlib.sha256(text.encode()).hexdigest() != name:
                detail = "extensions.persistedQuery.sha256Hash is not the SHA-256 of query."
                raise HttpProblem(400, "BAD_USER_INPUT", detail)
        if text is None or (self._trusted_only and text not in self._trusted_texts):
            raise DocumentNotFound("Only trusted documents are served: send the hash of one.")
        return text

    def keep(self, request: GraphQLRequest) -> None:
        """Remember a document that was told with its hash, once it has been found valid."""
        text = request.query
        if text is None or request.document_id is None or len(text) > self._capacity:
            return
        name = request.document_id.removeprefix(_PREFIX)
        if name in self.trusted or name in self._told:
            return
        self._told[name] = text
        self._size += len(text)
        while self._size > self._capacity:
            _, forgotten = self._told.popitem(last=False)
            self._size -= len(forgotten)

    def _told_text(self, name: str, *, is_apollo: bool) -> str:
        text = self._told.get(name)
        if text is None or self._trusted_only:
            # By these words its clients know that they must send the text.
            words = "PersistedQueryNotFound" if is_apollo else "No document has this hash."
            raise DocumentNotFound(words)
        self._told.move_to_end(name)
        return text
