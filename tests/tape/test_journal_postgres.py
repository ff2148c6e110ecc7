"""A journal in PostgreSQL: the database refuses changes to whoever asks, and what was changed all the same is found."""

from __future__ import annotations

import threading

import pytest
from pg8000.exceptions import DatabaseError

from tests.tape.postgres import DATABASE, Server, schema_of
from tests.tape.test_journal import draft, filled
from undertow.core.errors import BadData, NotSupported, StoreError
from undertow.tape.journal.address import Address
from undertow.tape.journal.entry import Entry, chained
from undertow.tape.journal.journal import Journal
from undertow.tape.journal.store import Head
from undertow.tape.journal.verify import Why

ALL = "sequence, at, kind, id, body, previous, hash"


# --- what the database refuses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET body = '{}' WHERE sequence = 2",
        "UPDATE entries SET body = '{}' WHERE false",
        "DELETE FROM entries WHERE sequence = 3",
        "TRUNCATE entries",
        "TRUNCATE entries, head",
        f"INSERT INTO entries SELECT {ALL} FROM entries WHERE sequence = 3 ON CONFLICT (sequence) DO UPDATE SET at = 1",
        "INSERT INTO entries SELECT 9, at, kind, id, body, previous, hash FROM entries WHERE sequence = 3",
        "INSERT INTO entries SELECT 4, at, kind, id, body, previous, hash FROM entries WHERE sequence = 3",
        "INSERT INTO entries SELECT sequence + 3, at, kind, id, body, hash, hash FROM entries",
        "UPDATE head SET sequence = 2",
        "UPDATE head SET sequence = 4",
        "UPDATE head SET hash = previous FROM entries WHERE entries.sequence = 3",
        "DELETE FROM head",
        "INSERT INTO head VALUES (2, 0, '')",
        "SET session_replication_role = replica; DELETE FROM entries",
    ],
)
def test_the_database_itself_refuses_changes_to_its_superuser(statement: str, postgres: Server) -> None:
    url = postgres.url()
    entries = filled(url, 3)
    with pytest.raises(DatabaseError, match=r"only added to|must follow|must be the last"):
        postgres.ask(f"SET search_path = {schema_of(url)}; {statement}")
    with Journal.to_write(url) as journal:
        assert journal.verify().fault is None
        assert tuple(journal.entries()) == entries


@pytest.mark.parametrize(
    "change",
    [
        "DROP TRIGGER entries_stay ON entries",
        "DROP TRIGGER entries_follow ON entries",
        "ALTER TABLE entries DISABLE TRIGGER entries_stay",
        "ALTER TABLE head ENABLE TRIGGER head_stays",
        "ALTER TABLE head DROP CONSTRAINT head_one_check",
        "ALTER TABLE entries DROP CONSTRAINT entries_pkey",
        "ALTER TABLE entries ALTER body DROP NOT NULL",
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE RULE nothing AS ON INSERT TO entries DO INSTEAD NOTHING",
    ],
)
def test_a_journal_without_guards_is_not_added_to(change: str, postgres: Server) -> None:
    url = postgres.url()
    filled(url, 3)
    postgres.ask(f"SET search_path = {schema_of(url)}; {change}")
    with pytest.raises(BadData, match="guards"):
        Journal.to_write(url)
    with Journal.to_read(url) as journal:
        assert journal.verify().fault is None


def test_a_writer_with_no_more_rights_than_it_needs(postgres: Server) -> None:
    url = postgres.url()
    filled(url, 1)
    schema = schema_of(url)
    postgres.ask(
        f"CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA {schema} TO clerk;"
        f" GRANT SELECT, INSERT ON {schema}.entries TO clerk; GRANT SELECT, UPDATE ON {schema}.head TO clerk"
    )
    with Journal.to_write(postgres.url(schema, user="clerk")) as journal:
        assert journal.append(draft(1))[0].sequence == 2
        assert journal.verify().entries == 2
    with pytest.raises(StoreError, match="permission denied for database"):
        Journal.to_write(postgres.url(user="clerk"))


def test_a_writer_that_went_around_the_lock_stops_ours(postgres: Server) -> None:
    url = postgres.url()
    with Journal.to_write(url) as journal:
        (first,) = journal.append(draft(0))
        foreign = chained(draft(1), 2, first.hash)
        values = {name: getattr(foreign, name) for name in ("at", "kind", "id", "body", "previous", "hash")}
        postgres.ask(f"INSERT INTO {schema_of(url)}.entries VALUES (2, :at, :kind, :id, :body, :previous, :hash)", **values)
        with pytest.raises(StoreError, match="someone else wrote to it"):
            journal.append(draft(2))
        assert [entry.sequence for entry in journal.entries()] == [1, 2]


def test_two_that_go_around_the_lock_at_once_make_one_chain(postgres: Server) -> None:
    """Whoever is second waits for the first, and is refused: nothing is written between a look at the end and the entry after it."""
    url = postgres.url()
    (first,) = filled(url, 1)
    won: list[int] = []

    def add(number: int) -> None:
        entry = chained(draft(number), 2, first.hash)
        values = {name: getattr(entry, name) for name in ("at", "kind", "id", "body", "previous", "hash")}
        try:
            postgres.ask(f"INSERT INTO {schema_of(url)}.entries VALUES (2, :at, :kind, :id, :body, :previous, :hash)", **values)
        except DatabaseError:
            return
        won.append(number)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    with Journal.to_read(url) as journal:
        assert journal.verify().fault is None
        assert list(journal.entries())[1].content()["i"] == won[0]


def test_only_journals_are_opened(postgres: Server) -> None:
    url = postgres.url()
    with pytest.raises(StoreError, match="There is no journal at"):
        Journal.to_read(url)
    postgres.ask(f"CREATE SCHEMA {schema_of(url)}")
    with pytest.raises(BadData, match="is no journal"):
        Journal.to_write(url)
    postgres.ask(f"COMMENT ON SCHEMA {schema_of(url)} IS 'undertow journal 2'")
    with pytest.raises(NotSupported, match="format 2"):
        Journal.to_read(url)
    postgres.ask("CREATE DATABASE narrow ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(NotSupported, match="encoding LATIN1"):
        Journal.to_write(postgres.url().replace(f"/{DATABASE}?", "/narrow?"))


def test_a_schema_with_any_name_and_no_two_chains_in_one(postgres: Server) -> None:
    base = Address(postgres.url("n%22o%27%3Brm"))
    names = ["paper-2026-11-18-0f", "paper-2026-11-18-0g", "ü" * 80, "ü" * 81, "a" * 70, "a" * 71, 'quote"d', "li\nne"]
    places = [base, *(base.named(name) for name in names)]
    assert len({place.schema for place in places}) == len(places)
    assert all(0 < len(place.schema.encode()) <= 63 for place in places)
    for number, place in enumerate(places):
        with Journal.to_write(place) as journal:
            assert journal.append(*(draft(i) for i in range(number + 1)))[-1].sequence == number + 1


# --- what was changed is found ----------------------------------------------------------------------------------------

COUNT = 6
MOVE = "UPDATE entries SET sequence = {} WHERE sequence = {}"
FAULTS = {
    **{
        f"changed {column} of {place}": (f"UPDATE entries SET {column} = {value} WHERE sequence = {place}", place, Why.CHANGED)
        for place in (1, 3, COUNT)
        for column, value in (("at", "at + 1"), ("kind", "'dream'"), ("id", "id || 'x'"), ("body", "'{}'"), ("previous", "'ü'"))
    },
    "changed hash": ("UPDATE entries SET hash = previous WHERE sequence = 2", 2, Why.CHANGED),
    "no body": ("ALTER TABLE entries ALTER body DROP NOT NULL; UPDATE entries SET body = NULL WHERE sequence = 2", 2, Why.CHANGED),
    "removed": ("DELETE FROM entries WHERE sequence = 3", 3, Why.MISSING),
    "removed and closed up": ("DELETE FROM entries WHERE sequence = 5; " + MOVE.format(5, 6), 5, Why.MISSING),
    "swapped": ("; ".join((MOVE.format(-1, 2), MOVE.format(2, 4), MOVE.format(4, -1))), 2, Why.MOVED),
    "cut off": ("DELETE FROM entries WHERE sequence > 4", 5, Why.SHORT),
    "all cut off": ("TRUNCATE entries", 1, Why.SHORT),
    "no head": ("DELETE FROM head", 0, Why.SHORT),
    "another head": (f"UPDATE head SET hash = '{'0' * 64}'", COUNT, Why.CHANGED),
    "a later head": ("UPDATE head SET sequence = sequence + 1", COUNT + 1, Why.SHORT),
    "added": ("INSERT INTO entries SELECT 7, at, kind, id, body, previous, hash FROM entries WHERE sequence = 4", COUNT + 1, Why.ADDED),
}


@pytest.fixture(scope="module")
def broken(postgres: Server) -> tuple[str, tuple[Entry, ...]]:
    """A journal whose guards somebody took away, and what is in it."""
    url = postgres.url()
    entries = filled(url, COUNT)
    drops = "; ".join(f"DROP FUNCTION {schema_of(url)}.{name} CASCADE" for name in ("refuse", "follow", "lead"))
    postgres.ask(f"{drops}; CREATE TABLE {schema_of(url)}.kept AS TABLE {schema_of(url)}.entries")
    return url, entries


@pytest.mark.parametrize(("statement", "place", "why"), FAULTS.values(), ids=FAULTS)
def test_any_change_is_located(statement: str, place: int, why: Why, broken: tuple[str, tuple[Entry, ...]], postgres: Server) -> None:
    url, entries = broken
    again = "TRUNCATE entries, head; INSERT INTO entries TABLE kept; INSERT INTO head SELECT 1, sequence, hash FROM kept WHERE sequence = 6"
    postgres.ask(f"SET search_path = {schema_of(url)}; {again}; {statement}")
    with Journal.to_read(url) as journal:
        verdict = journal.verify()
    assert verdict.fault is not None
    assert (verdict.fault.sequence, verdict.fault.why) == (place, why)
    postgres.ask(f"SET search_path = {schema_of(url)}; ALTER TABLE entries ALTER body DROP NOT NULL; {again}")
    with Journal.to_read(url) as journal:
        assert journal.verify(Head(sequence=COUNT, hash=entries[-1].hash)).fault is None
        told = journal.verify(Head(sequence=3, hash="0" * 64)).fault
    assert told is not None
    assert (told.sequence, told.why) == (3, Why.CHANGED)
