"""One entry of the journal, and the bytes its hash is taken over.

The hash of an entry is the SHA-256 of these bytes, nothing between them:

====================  ======================================================================
``undertow journal``  and one space, ``1``, one line feed: 19 bytes, the version of this layout
sequence              8 bytes, signed, most significant first; the first entry is 1
at                    8 bytes, the same way; ns UTC
previous              4 bytes length, then the hash of the entry before as 64 small hex digits
kind                  4 bytes length, then UTF-8
id                    4 bytes length, then UTF-8
body                  4 bytes length, then UTF-8
====================  ======================================================================

Lengths are unsigned, most significant first, so that no two entries have the same bytes. The first entry follows 64 zeros.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

from undertow.core.errors import BadData, BadInput
from undertow.core.time import Instant

FIRST = "0" * 64  #: what the first entry follows
LONGEST_BODY = 1 << 20  #: bytes; the journal keeps the inputs' hash, not the inputs
LONGEST_ID = 128  #: characters
_LAYOUT = b"undertow journal 1\n"
_LARGEST = 2**63
_SINGLE = frozenset({str, int, float, bool, type(None)})
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Kind(StrEnum):
    """What an entry tells, in the order in which a decision goes through them."""

    INPUTS = "inputs"  #: the hash of what the decision rests on
    SIGNAL = "signal"
    VERDICT = "verdict"  #: what the risk limits said
    INTENT = "intent"  #: an order with its id, before anything is sent
    REQUEST = "request"  #: written before the first byte goes out
    RESPONSE = "response"  #: what came back, or that nothing did
    FILL = "fill"
    STATE = "state"  #: what the broker said of an order, streamed or looked up by its id
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to be written down."""

    at: Instant  #: ns UTC
    kind: Kind
    id: str  #: the one id from the inputs to the fill
    body: Mapping[str, Any] = field(default_factory=dict)  #: texts, finite numbers, lists and tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A draft that was written down, in its place in the chain."""

    sequence: int
    at: Instant
    kind: Kind
    id: str
    body: str  #: canonical JSON, see ``canonical``
    previous: str  #: hash of the entry before
    hash: str  #: of this one, see the module

    def content(self) -> dict[str, Any]:
        """The body as a table."""
        content: dict[str, Any] = json.loads(self.body)
        return content

    def draft(self) -> Draft:
        """What was to be written down, for another place in a chain."""
        return Draft(at=self.at, kind=self.kind, id=self.id, body=self.content())


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """An entry as it lies on the disk, believed in nothing but its types."""

    sequence: int
    at: int
    kind: bytes
    id: bytes
    body: bytes
    previous: bytes
    hash: bytes

    def digest(self, sequence: int | None = None) -> str:
        """The hash that these contents have in their place, or in another."""
        return _digest(self.sequence if sequence is None else sequence, self.at, (self.previous, self.kind, self.id, self.body))

    def whole(self) -> bool:
        """Whether the contents are those that the hash was taken over."""
        return self.digest().encode() == self.hash

    def entry(self) -> Entry:
        """The entry; raises ``BadData`` where it was changed after it was written."""
        if not self.whole():
            raise BadData(f"Entry {self.sequence} of the journal was changed after it was written; run `undertow journal verify`.")
        if self.kind.decode() not in set(Kind):
            raise BadData(f"Entry {self.sequence} of the journal is of a kind, {self.kind.decode()}, that this version does not know.")
        return Entry(
            sequence=self.sequence,
            at=self.at,
            kind=Kind(self.kind.decode()),
            id=self.id.decode(),
            body=self.body.decode(),
            previous=self.previous.decode(),
            hash=self.hash.decode(),
        )


def raw_of(row: Sequence[object]) -> Raw:
    """An entry from a row of a table, its texts as bytes; raises ``BadData`` for what is of another type."""
    sequence, at, *texts = row
    if not isinstance(sequence, int) or not isinstance(at, int) or not all(isinstance(text, bytes) for text in texts):
        raise BadData(f"Entry {sequence} of the journal was changed after it was written: it is not made of numbers and texts.")
    kind, name, body, previous, own = (text for text in texts if isinstance(text, bytes))
    return Raw(sequence=sequence, at=at, kind=kind, id=name, body=body, previous=previous, hash=own)


def canonical(body: Mapping[str, Any]) -> str:
    """The one JSON text of a table: names sorted, no spaces, no NaN; raises ``BadInput`` for what JSON cannot tell.

    >>> canonical({"b": 1.5, "a": ["é", None]})
    '{"a":["é",null],"b":1.5}'
    """
    try:
        text = _text(dict(body))
        again = text if _named_by_texts(body) else _text(json.loads(text))
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"The body of an entry must be made of texts, finite numbers, lists and tables ({error}).") from error
    if again != text:
        raise BadInput("The body of an entry names one thing twice: a number and a text that read the same.")
    if size > LONGEST_BODY:
        raise BadInput(f"The body of an entry has {size:,} bytes, at most {LONGEST_BODY:,}: write down a hash and keep the rest elsewhere.")
    return text


def as_read(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A body that was written down, where reading it back gives the very same; None where only reading it tells."""
    return body if type(body) is dict and _named_by_texts(body, lists=(list,)) else None


def chained(draft: Draft, sequence: int, previous: str) -> Entry:
    """A draft in its place; raises ``BadInput`` where it cannot be written down."""
    if not 0 < len(draft.id) <= LONGEST_ID or not draft.id.isascii() or not draft.id.isprintable():
        raise BadInput(f"The id {draft.id!r} must have 1 to {LONGEST_ID} printable ASCII characters.")
    if not -_LARGEST <= draft.at < _LARGEST:
        raise BadInput(f"The instant {draft.at} is not within 64 bits of nanoseconds.")
    body, kind = canonical(draft.body), Kind(draft.kind)
    texts = (previous.encode(), kind.encode(), draft.id.encode(), body.encode())
    return Entry(
        sequence=sequence,
        at=draft.at,
        kind=kind,
        id=draft.id,
        body=body,
        previous=previous,
        hash=_digest(sequence, draft.at, texts),
    )


def _digest(sequence: int, at: int, texts: tuple[bytes, ...]) -> str:
    parts = [_LAYOUT, sequence.to_bytes(8, "big", signed=True), at.to_bytes(8, "big", signed=True)]
    for text in texts:
        parts += [len(text).to_bytes(4, "big"), text]
    return sha256(b"".join(parts)).hexdigest()


def _named_by_texts(value: object, lists: tuple[type, ...] = (list, tuple)) -> bool:
    """Whether all names in it are texts, so that none can be there twice; made of nothing else but ``lists`` and single values."""
    if type(value) is dict:
        return all(type(name) is str and (type(one) in _SINGLE or _named_by_texts(one, lists)) for name, one in value.items())
    if type(value) in lists:
        return all(type(one) in _SINGLE or _named_by_texts(one, lists) for one in value)  # type: ignore[attr-defined]
    return type(value) in _SINGLE


def _text(body: object) -> str:
    return _JSON.encode(body)
