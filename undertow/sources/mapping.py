"""The mapping language: a TOML file that says how the columns of someone's files become events. ``examples/import`` shows each part."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from undertow.core.errors import BadInput
from undertow.core.events import BY_NAME, Event, Grade, columns_of
from undertow.core.time import Duration, duration

CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?"
OWN_KINDS = ("label_known", "model_ready", "fill")  #: made by the system itself, never imported


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReadRule(_Strict):
    """How the text of a file becomes a table. ``name`` is a regular expression whose named groups become columns."""

    header: bool = True
    columns: list[str] | None = None  #: names where the file has no header
    separator: str = Field(default=",", min_length=1, max_length=1)
    comment: str | None = None  #: lines that begin so are skipped
    null_values: list[str] = []  #: texts that mean "not given", beside the empty one
    text: list[str] = []  #: columns that look like numbers and are not
    name: str | None = None

    @field_validator("name")
    @classmethod
    def _compiles(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                re.compile(name)
            except re.error as error:
                raise ValueError(f"{name!r} is no regular expression ({error})") from error
        return name

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.header and not self.columns:
            raise ValueError("a file without a header needs columns = [...]")
        return self


class TimeRule(_Strict):
    """One instant of a row, as one of: an instant, a date with a time of day, an epoch, or the row's event_at."""

    instant: str | None = None
    date: str | None = None
    epoch: str | None = None
    same: Literal["event_at"] | None = None
    at: str | None = None  #: open, close, midnight, or a New York wall clock such as 16:15
    session: Literal["previous", "same", "next"] = "same"
    clock: str | None = None  #: time of day: HH:MM:SS text, or a number with unit
    unit: Literal["s", "ms", "us", "ns"] | None = None
    zone: str | None = None
    plus: str = "0s"
    grade: Literal["recorded", "stamped", "modelled"] = "modelled"

    @property
    def lag(self) -> Duration:
        """What ``plus`` adds, ns."""
        return duration(self.plus)

    @property
    def grading(self) -> Grade:
        """``grade`` as the tape keeps it."""
        return Grade[self.grade.upper()]

    @field_validator("at")
    @classmethod
    def _a_time(cls, at: str | None) -> str | None:
        if at not in (None, "open", "close", "midnight") and wall_clock(at or "") is None:
            raise ValueError(f"{at!r} is no time of day: write open, close, midnight or a New York time such as 16:15")
        return at

    @field_validator("plus")
    @classmethod
    def _a_duration(cls, plus: str) -> str:
        try:
            duration(plus)
        except BadInput as error:
            raise ValueError(str(error)) from error
        return plus

    @field_validator("zone")
    @classmethod
    def _a_zone(cls, zone: str | None) -> str | None:
        if zone is not None:
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise ValueError(f"{zone!r} is no time zone: write for example America/New_York or UTC") from error
        return zone

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = [name for name in ("instant", "date", "epoch", "same") if getattr(self, name) is not None]
        if len(forms) != 1:
            raise ValueError("write exactly one of instant, date, epoch, same")
        if self.date is not None and (self.at is None) == (self.clock is None):
            raise ValueError('a date needs either at (for example "close") or clock (a column with the time of day)')
        if self.clock is not None and self.zone is None:
            raise ValueError('a clock needs its zone, for example zone = "America/New_York"')
        if self.epoch is not None and self.unit is None:
            raise ValueError("an epoch needs its unit: s, ms, us or ns")
        if self.session != "same" and self.at is None:
            raise ValueError("session goes with date and at")
        return self


class EventRule(_Strict):
    """Rows of a file that become events of one kind. All values are SQL expressions over the file's columns."""

    kind: str
    symbol: str = "symbol"
    where: str | None = None  #: rows that are meant
    refuse: dict[str, str] = {}  #: reason -> condition of rows that are meant and cannot be believed
    columns: dict[str, str]
    event_at: TimeRule
    known_at: TimeRule

    @property
    def event(self) -> type[Event]:
        """The kind of event."""
        return BY_NAME[self.kind]

    @field_validator("kind")
    @classmethod
    def _a_kind(cls, kind: str) -> str:
        valid = [name for name in BY_NAME if name not in OWN_KINDS]
        if kind not in valid:
            raise ValueError(f"{kind!r} is no kind that can be imported: choose from {', '.join(valid)}")
        return kind

    @model_validator(mode="after")
    def _its_columns(self) -> Self:
        valid = columns_of(self.event)
        if unknown := [name for name in self.columns if name not in valid]:
            raise ValueError(f"{self.kind} has no column {unknown[0]!r}: it has {', '.join(valid)}")
        if self.event_at.same is not None:
            raise ValueError("event_at cannot be the same as itself")
        return self


class Mapping(_Strict):
    """A whole mapping file."""

    source: str = Field(default="", max_length=80)  #: who says so, kept with every row; the mapping's name by default
    read: ReadRule = ReadRule()
    event: list[EventRule] = Field(min_length=1)


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises ``BadInput`` naming the file and the key that is wrong."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"Mapping {path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"Mapping {path} is not TOML: {error}.") from error
    try:
        return Mapping.model_validate({"source": path.stem, **table})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        parts = [f"{p + 1}" if isinstance(p, int) else str(p) for p in first["loc"]]
        key = ".".join(parts) or "the file"
        why = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise BadInput(f"Mapping {path}, {key}: {why}.") from error


def wall_clock(text: str) -> Duration | None:
    """``"16:15"`` as ns since midnight, or None where it is no time of day."""
    match = re.fullmatch(CLOCK, text)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3] or 0) > 59:
        return None
    whole = (int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0)) * 10**9
    return whole + int((match[4] or ".0")[1:].ljust(9, "0"))
