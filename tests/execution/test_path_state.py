"""The gate's state in the journal: a note repeats none of the day's ids, and a new start finds all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from undertow.core.errors import BadData
from undertow.execution.path.book import RISK, Book
from undertow.execution.risk.state import State, counted
from undertow.tape.journal.entry import Draft, Kind
from undertow.tape.journal.journal import Journal


def test_what_a_note_leaves_out_is_found_again(tmp_path: Path) -> None:
    state, sizes = State(), []
    steps = [f"order-{i:03d}" for i in range(300)]
    with Journal.to_write(tmp_path / "journal.sqlite") as journal:
        book = Book(journal)
        for at, name in enumerate(steps):
            state = counted(state, name, at * 10**12)
            if at == 200:  # one that is asked for again comes last
                state = replace(state, ids=(*(each for each in state.ids if each != "order-100"), "order-100"))
            note = book.with_state(state, at, "order")
            sizes.append(len(str(note.body)))
            book.write(note)
            assert book.state == state
        assert max(sizes[1:200]) - sizes[1] < 50
        assert Book(journal).state == state
        for later in (replace(state, today=0, ids=()), replace(state, ids=("order-000", "x")), State()):
            with book.together():
                book.write(book.with_state(later, 1, "a new day"))
            assert book.state == later
        book.write(Draft(at=2, kind=Kind.NOTE, id="other", body={}))
        assert Book(journal).state == State()


def test_a_note_as_it_was_written_before_holds_all(tmp_path: Path) -> None:
    whole = counted(counted(State(), "a", 1), "b", 2)
    with Journal.to_write(tmp_path / "journal.sqlite") as journal:
        for each in (counted(State(), "a", 1), whole):
            journal.append(Draft(at=1, kind=Kind.NOTE, id=RISK, body={"state": each.to_dict(), "why": "order"}))
        book = Book(journal)
        assert book.state == whole
        note = book.with_state(counted(whole, "c", 3), 3, "order")
        assert note.body["same"] == 2
        book.write(note)
        assert Book(journal).state.ids == ("a", "b", "c")


def test_a_note_that_follows_none_is_refused(tmp_path: Path) -> None:
    with Journal.to_write(tmp_path / "journal.sqlite") as journal:
        journal.append(Draft(at=1, kind=Kind.NOTE, id=RISK, body={"state": State().to_dict(), "why": "order", "same": 1}))
        with pytest.raises(BadData, match="follows none"):
            Book(journal)
