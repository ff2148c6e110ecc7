"""Marks of what was checked about the system that made a report, and whether it passed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from undertow.core.errors import BadInput

STATES = ("passed", "failed", "not run")
Badges = Mapping[str, tuple[str, str]]  #: name -> (one of ``STATES``, a sentence)
NOT_RUN: Badges = {
    "Honesty": ("not run", "`undertow honesty` checks it"),
    "Audit": ("not run", "`undertow audit` checks it"),
}


@dataclass(frozen=True, slots=True)
class Badge:
    """One mark; ``said`` is its sentence in pieces, every second of which is a command."""

    name: str
    state: str
    said: tuple[str, ...]


def badges_of(given: Badges | None) -> tuple[Badge, ...]:
    """Those given, or that neither was run; raises BadInput for an unknown state."""
    found = NOT_RUN if given is None else given
    for name, (state, _) in found.items():
        if state not in STATES:
            raise BadInput(f"badge {name} cannot be {state!r}: a badge is {', '.join(STATES)}")
    return tuple(Badge(name, state, tuple(said.split("`"))) for name, (state, said) in found.items())
