"""Events as they stand in Massive's WebSocket frames: only the fields that are read; any others may come and go."""

from __future__ import annotations

from typing import Any

import msgspec

_NO_LIST = msgspec.Raw(b"")


class Traded(msgspec.Struct, tag_field="ev", tag="T", gc=False):
    """A trade of a stock or an option."""

    sym: str
    x: Any
    p: Any
    s: Any = None
    ds: Any = None
    c: msgspec.Raw = _NO_LIST  #: decoded once a text: few lists of conditions are in use
    t: Any = None
    pt: Any = None
    q: Any = None
    trfi: Any = None


class Quoted(msgspec.Struct, tag_field="ev", tag="Q", gc=False):
    """The best bid and offer of a stock or an option."""

    sym: str
    t: Any
    bp: Any = None
    bs: Any = None
    ap: Any = None
    ask_size: Any = msgspec.field(default=None, name="as")
    q: Any = None


class Agg(msgspec.Struct, tag_field="ev", tag="AM", gc=False):
    """A bar of a minute."""

    sym: str
    o: Any
    h: Any
    l: Any  # noqa: E741 - the vendor's name
    c: Any
    e: Any
    v: Any = None
    dv: Any = None
    vw: Any = None


class Second(Agg, tag_field="ev", tag="A", gc=False):
    """A bar of a second."""


class Halt(msgspec.Struct, tag_field="ev", tag="LULD", gc=False):
    """A limit-up limit-down band."""

    T: str
    h: Any
    l: Any  # noqa: E741 - the vendor's name
    t: Any
    i: Any = None


class Said(msgspec.Struct, tag_field="ev", tag="status", gc=False):
    """A word about the connection."""

    status: Any = ""
    message: Any = ""


KNOWN = Traded | Quoted | Agg | Second | Halt | Said
