"""``undertow journal``: whether the record of decisions and orders is whole, and the record itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from undertow.app.errors import one_sentence

if TYPE_CHECKING:
    from undertow.tape.journal.address import Address
    from undertow.tape.journal.entry import Entry, Kind
    from undertow.tape.journal.journal import Journal
    from undertow.tape.journal.store import Wanted

journal = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Home = Annotated[Path | None, typer.Option("--home", help="Where data live; default UNDERTOW_HOME or your user data folder.")]
JSON = typer.Option(False, "--json", help="Print as JSON.")
ANCHOR = typer.Option(None, "--anchor", help="NUMBER:HASH that an earlier `undertow journal verify` printed; it must still hold.")
OUT = typer.Option(None, "--out", help="The file to write: .csv or .jsonl.  [default: the terminal]")
FORM = typer.Option(None, "--format", help="csv or jsonl.  [default: what --out ends in, else jsonl]")
ID = typer.Option(None, "--id", help="Only the entries of one decision.")
KINDS = typer.Option(None, "--kinds", help="Only these kinds, separated by commas: inputs, signal, verdict, intent, request and so on.")
FROM = typer.Option(1, "--first", min=1, help="Number of the first entry.")
TO = typer.Option(None, "--last", min=1, help="Number of the last entry.  [default: the newest]")
COLUMNS = ("sequence", "at", "time", "kind", "id", "body", "previous", "hash")


@journal.callback()
def about() -> None:
    """See whether the record of decisions and orders is whole, and read it."""


@journal.command("verify")
def verify_journal(anchor: str | None = ANCHOR, as_json: bool = JSON, home: Home = None) -> None:
    """Follow the chain of entries; if one does not fit, say which is the first and why, with exit status 1."""
    import json
    from dataclasses import asdict

    from undertow.core.time import iso
    from undertow.tape.journal.journal import head_of

    with one_sentence():
        place = _place(home)
        noted = None if anchor is None else head_of(anchor)
        with _opened(place) as opened:
            found = opened.verify(noted)
    if as_json:
        print(json.dumps({"journal": str(place), **asdict(found)}, indent=2))
    else:
        last = "" if found.at is None else f", the last of {iso(found.at)}"
        print(f"{place}: {found.entries:,} entries fit{last}.\nanchor: {found.head}")
        if found.fault is not None:
            print(f"BROKEN, {found.fault.why}: {found.fault.says}.")
    raise typer.Exit(0 if found.fault is None else 1)


@journal.command("export")
def export_journal(
    out: Path | None = OUT,
    form: str | None = FORM,
    name: str | None = ID,
    kinds: str | None = KINDS,
    first: int = FROM,
    last: int | None = TO,
    home: Home = None,
) -> None:
    """Write the entries as a table: their numbers, instants (ns UTC, and to read), kinds, ids, bodies and hashes."""
    from undertow.tape.journal.store import Wanted

    with one_sentence():
        form = _form(out, form)
        wanted = Wanted(id=name, kinds=_kinds(kinds), first=first, last=last)
        with _opened(_place(home)) as opened:
            if out is None:
                _write(opened, wanted, form, sys.stdout)
                return
            with _whole(out) as file:
                count = _write(opened, wanted, form, file)
    print(f"{count:,} entries: {out}")


def _place(home: Path | None) -> Path | Address:
    import os

    from undertow.app.home import home as default_home
    from undertow.app.trading.folder import account_of
    from undertow.core.errors import BadInput
    from undertow.tape.journal.journal import place_of

    place = place_of(account_of(home if home is not None else default_home()), os.environ)
    if isinstance(place, Path) and not place.exists():
        raise BadInput(f"There is no journal at {place}: trading writes one, and --home or UNDERTOW_HOME says where to look.")
    return place


def _opened(place: Path | Address) -> Journal:
    from undertow.tape.journal.journal import Journal

    return Journal.to_read(place)


def _form(out: Path | None, form: str | None) -> str:
    from undertow.core.errors import BadInput

    found = form or ("jsonl" if out is None else out.suffix.lstrip("."))
    if found not in ("csv", "jsonl"):
        raise BadInput(f"The journal is exported as csv or jsonl, not as {found!r}: say --format, or an --out that ends so")
    return found


def _kinds(text: str | None) -> tuple[Kind, ...]:
    from undertow.core.errors import BadInput
    from undertow.tape.journal.entry import Kind

    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if unknown := [name for name in names if name not in set(Kind)]:
        raise BadInput(f"--kinds {unknown[0]!r} is not one of {', '.join(Kind)}")
    return tuple(Kind(name) for name in names)


def _write(opened: Journal, wanted: Wanted, form: str, file: IO[str]) -> int:
    import csv
    import json

    count = 0
    table = csv.writer(file, lineterminator="\n")
    if form == "csv":
        table.writerow(COLUMNS)
    for entry in opened.entries(wanted):
        count += 1
        row = _row(entry)
        if form == "csv":
            table.writerow([row[column] for column in COLUMNS])
        else:
            file.write(json.dumps({**row, "body": entry.content()}) + "\n")
    return count


def _row(entry: Entry) -> dict[str, Any]:
    from undertow.core.time import iso

    return {
        "sequence": entry.sequence,
        "at": entry.at,
        "time": iso(entry.at),
        "kind": entry.kind.value,
        "id": entry.id,
        "body": entry.body,
        "previous": entry.previous,
        "hash": entry.hash,
    }


@contextmanager
def _whole(out: Path) -> Iterator[IO[str]]:
    """A file that takes its name when it is finished, and is gone when it is not."""
    from undertow.core.errors import BadInput, StoreError

    if not out.parent.is_dir() or out.is_dir():
        raise BadInput(f"--out {out} must be a file in a folder that is there")
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
        unfinished.replace(out)
    except OSError as error:
        raise StoreError(f"{out} could not be written ({error}).") from error
    finally:
        unfinished.unlink(missing_ok=True)
