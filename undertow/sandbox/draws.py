"""Chance for the simulated market: every draw comes from a generator named by what it is for, never from a shared stream."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from undertow.core.chunk import F64, I64


def word(*name: object) -> int:
    """A 64-bit number that belongs to a name: the same on every machine and in every run."""
    text = "\x1f".join(str(part) for part in name)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def stream(*name: object) -> np.random.Generator:
    """The generator of a name. Its draws may be made in any number: more of them never changes the first ones."""
    return np.random.Generator(np.random.Philox(key=np.array([word(*name), 0], np.uint64)))


def session_draws(name: tuple[object, ...], days: I64, normals: int, exponentials: int = 0) -> tuple[F64, F64]:
    """Standard normal (sessions, normals) and exponential (sessions, exponentials) draws, each session from its own generator.

    days : int64 (sessions,) days since 1970; a session's draws depend on the name and its own day only.
    """
    root = word(*name)
    normal, exponential = np.empty((len(days), normals)), np.empty((len(days), exponentials))
    bits = np.random.Philox(key=np.array([root, 0], np.uint64))
    generator, fresh = np.random.Generator(bits), bits.state
    for i, day in enumerate(days.tolist()):
        fresh["state"]["key"][1] = day
        bits.state = fresh  # what a new generator of this key would hold, without asking the machine for entropy as a new one does
        generator.standard_normal(out=normal[i])
        generator.standard_exponential(out=exponential[i])
    return normal, exponential


def session_stream(name: tuple[object, ...], day: int) -> np.random.Generator:
    """The generator of a name in one session, given its days since 1970; for draws whose number is itself drawn."""
    return np.random.Generator(np.random.Philox(key=np.array([word(*name), day], np.uint64)))
