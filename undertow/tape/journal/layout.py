"""The tables of a journal in PostgreSQL, and the guards that let them only be added to, whoever asks.

The guards fire for the owner, for a superuser and for replication (``ENABLE ALWAYS``). Whoever can drop them can change the journal, and
then the chain alone tells. To have a writer that cannot drop them, let another role own the schema, and grant the writer
``USAGE ON SCHEMA``, ``SELECT, INSERT ON entries`` and ``SELECT, UPDATE ON head``, and no more.
"""

from __future__ import annotations

from undertow.core.errors import BadData, NotSupported, StoreError
from undertow.tape.journal.address import Address
from undertow.tape.journal.entry import FIRST
from undertow.tape.journal.line import Line

COLUMNS = ("sequence", "at", "kind", "id", "body", "previous", "hash")
_OURS, _FORMAT = "undertow journal", 1  # the comment on the schema

_REFUSE = "BEGIN RAISE EXCEPTION 'the journal is only added to' USING ERRCODE = 'integrity_constraint_violation'; END"
_FOLLOW = """
DECLARE
    last head%ROWTYPE;
BEGIN
    IF NOT EXISTS (SELECT FROM added) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO last FROM head FOR UPDATE;
    IF NOT FOUND OR EXISTS (
        SELECT FROM (
            SELECT sequence, previous, lag(sequence, 1, last.sequence) OVER places AS place, lag(hash, 1, last.hash) OVER places AS hash
            FROM added WINDOW places AS (ORDER BY sequence)
        ) AS each WHERE each.sequence <> each.place + 1 OR each.previous <> each.hash
    ) THEN
        RAISE EXCEPTION 'an entry must follow the last one' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    UPDATE head SET (sequence, hash) = (SELECT sequence, hash FROM added ORDER BY sequence DESC LIMIT 1);
    RETURN NULL;
END
"""
_LEAD = """
BEGIN
    IF NEW.sequence <= OLD.sequence OR NOT EXISTS (SELECT FROM entries WHERE sequence = NEW.sequence AND hash = NEW.hash) THEN
        RAISE EXCEPTION 'the head must be the last entry' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
"""
_BODIES = {"refuse": _REFUSE, "follow": _FOLLOW, "lead": _LEAD}
#: table, trigger, when, the server's number for that (pg_trigger.tgtype), function
_GUARDS = (
    ("entries", "entries_follow", "AFTER INSERT ON {} REFERENCING NEW TABLE AS added FOR EACH STATEMENT", 4, "follow"),
    ("entries", "entries_stay", "BEFORE UPDATE OR DELETE OR TRUNCATE ON {} FOR EACH STATEMENT", 58, "refuse"),
    ("head", "head_leads", "BEFORE UPDATE ON {} FOR EACH ROW", 19, "lead"),
    ("head", "head_stays", "BEFORE INSERT OR DELETE OR TRUNCATE ON {} FOR EACH STATEMENT", 46, "refuse"),
)
_EXPECTED = sorted([table, name, kind, "A", True, _BODIES[function]] for table, name, _, kind, function in _GUARDS)

_FOUND_GUARDS = """
SELECT CAST(relname AS text), CAST(tgname AS text), CAST(tgtype AS integer), CAST(tgenabled AS text), tgqual IS NULL, prosrc
FROM pg_catalog.pg_trigger
JOIN pg_catalog.pg_class ON pg_class.oid = tgrelid
JOIN pg_catalog.pg_proc ON pg_proc.oid = tgfoid
WHERE relnamespace = :place AND NOT tgisinternal
"""
_FOUND_COLUMNS = """
SELECT CAST(relname AS text), CAST(attname AS text), pg_catalog.format_type(atttypid, atttypmod), attnotnull
FROM pg_catalog.pg_attribute
JOIN pg_catalog.pg_class ON pg_class.oid = attrelid
WHERE relnamespace = :place AND relkind IN ('r', 'p', 'v', 'm') AND attnum > 0 AND NOT attisdropped
"""
_FOUND_KEYS = """
SELECT CAST(relname AS text), CAST(contype AS text)
FROM pg_catalog.pg_constraint
JOIN pg_catalog.pg_class ON pg_class.oid = conrelid
WHERE relnamespace = :place AND contype IN ('p', 'c')
"""
_FOUND_RULES = "SELECT rulename FROM pg_catalog.pg_rewrite JOIN pg_catalog.pg_class ON pg_class.oid = ev_class WHERE relnamespace = :place"
_NUMBERS = ("sequence", "at")
_EXPECTED_COLUMNS = sorted(
    [["entries", name, "bigint" if name in _NUMBERS else "text", True] for name in COLUMNS]
    + [["head", name, kind, True] for name, kind in (("one", "integer"), ("sequence", "bigint"), ("hash", "text"))]
)
_EXPECTED_KEYS = [["entries", "p"], ["head", "c"], ["head", "p"]]


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def make(line: Line, address: Address) -> None:
    """The tables of a new journal, there whole or not at all."""
    line.ask(_schema(address.schema))


def place_of(line: Line, address: Address) -> int | None:
    """The server's number for the schema; None where there is none. Raises ``BadData`` and ``NotSupported`` for one that is not ours."""
    rows = line.ask(
        "SELECT CAST(oid AS bigint), pg_catalog.obj_description(oid, 'pg_namespace') FROM pg_catalog.pg_namespace WHERE nspname = :name",
        name=address.schema,
    )
    if not rows:
        return None
    (place, comment), ours = rows[0], f"{_OURS} {_FORMAT}"
    if not isinstance(place, int) or not str(comment).startswith(f"{_OURS} "):
        raise BadData(f"{address} is no journal: the schema is there and somebody else's. Name another with schema= in the URL.")
    if comment != ours:
        raise NotSupported(
            f"The journal {address} has format {str(comment).removeprefix(_OURS).strip()}, and this version knows {_FORMAT}."
        )
    return place


def check_guards(line: Line, address: Address, place: int) -> None:
    """Raises ``BadData`` where the tables or their guards are not those that were made."""
    found = [sorted(line.ask(question, place=place), key=repr) for question in (_FOUND_GUARDS, _FOUND_COLUMNS, _FOUND_KEYS, _FOUND_RULES)]
    if found != [sorted(each, key=repr) for each in (_EXPECTED, _EXPECTED_COLUMNS, _EXPECTED_KEYS, [])]:
        raise BadData(f"The guards of the journal {address} were removed or changed; run `undertow journal verify`.")


def check_server(line: Line, address: Address) -> None:
    """Raises ``StoreError`` for a server that may lose what it says it has, ``NotSupported`` for a database that cannot hold all texts."""
    ((fsync, encoding),) = line.ask("SELECT current_setting('fsync'), current_setting('server_encoding')")
    if fsync != "on":
        raise StoreError(f"The server of the journal {address} runs with fsync off: a power cut would lose orders. Nothing was done.")
    if encoding != "UTF8":
        raise NotSupported(f"The database of the journal {address} has the encoding {encoding}, and a journal needs UTF8.")
    # a quiet day must not end the writer's session; servers before 14 do not know the setting
    line.ask("SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'")


def _schema(name: str) -> str:
    schema = quoted(name)
    statements = [
        f"CREATE SCHEMA {schema}",
        f"COMMENT ON SCHEMA {schema} IS '{_OURS} {_FORMAT}'",
        f"CREATE TABLE {schema}.entries (sequence bigint PRIMARY KEY, at bigint NOT NULL, kind text NOT NULL, id text NOT NULL,"
        " body text NOT NULL, previous text NOT NULL, hash text NOT NULL)",
        f"CREATE INDEX entries_by_id ON {schema}.entries (id)",
        f"CREATE TABLE {schema}.head (one integer PRIMARY KEY CHECK (one = 1), sequence bigint NOT NULL, hash text NOT NULL)",
        f"INSERT INTO {schema}.head VALUES (1, 0, '{FIRST}')",  # noqa: S608 - the name is quoted
    ]
    for function, body in _BODIES.items():
        path = f"SET search_path = {schema}, pg_temp"
        statements.append(f"CREATE FUNCTION {schema}.{function}() RETURNS trigger LANGUAGE plpgsql {path} AS $undertow${body}$undertow$")
    for table, guard, when, _, function in _GUARDS:
        full = f"{schema}.{table}"
        statements.append(f"CREATE TRIGGER {guard} {when.format(full)} EXECUTE FUNCTION {schema}.{function}()")
        statements.append(f"ALTER TABLE {full} ENABLE ALWAYS TRIGGER {guard}")
    return ";\n".join(statements)
