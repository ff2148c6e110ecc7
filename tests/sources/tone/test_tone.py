"""The tone of headlines: the rules one by one, and how often it is right on headlines that it was not mended on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.tone.headlines import LABELLED
from undertow.sources.tone import tone, words

MENDED_ON, HELD_OUT = LABELLED[::2], LABELLED[1::2]
NEUTRAL = 0.15  #: tones of this size or less say nothing


def said(text: str) -> int:
    value = tone(text)
    return 0 if abs(value) <= NEUTRAL else 1 if value > 0 else -1


def right(some: tuple[tuple[str, int], ...]) -> float:
    return sum(said(text) == label for text, label in some) / len(some)


def test_four_in_five_headlines_held_out_are_read_rightly() -> None:
    assert len(HELD_OUT) == 40
    assert right(HELD_OUT) >= 0.8  # 33 of 40 when this was written
    assert right(MENDED_ON) >= 0.9


def test_good_and_bad_are_rarely_taken_for_each_other() -> None:
    assert sum(said(text) * label == -1 for text, label in HELD_OUT) <= 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Acme wins", 1 / 2),  # one good word: 1 / (1 + 1)
        ("Acme wins award", 2 / 3),
        ("Acme sued", -1 / 2),
        ("Acme wins award, sued by rival", 1 / 4),  # (1 + 1 - 1) / (3 + 1)
        ("Acme files for bankruptcy", -2 / 3),
        ("Acme not profitable", -1 / 2),
        ("Acme denies fraud", 2 / 3),
        ("Acme never in its long history profitable", 1 / 2),  # further than three words from the negation
        ("Acme severely disappointed", -1.5 / 2.5),
        ("Acme slightly disappointed", -0.5 / 1.5),
        ("Acme beats estimates", 2 / 3),
        ("Acme beaten by weather: sunny", 0.0),
        ("", 0.0),
    ],
)
def test_weights(text: str, expected: float) -> None:
    assert tone(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("Profit rises at Acme", 1),
        ("Profit falls at Acme", -1),
        ("Costs rise at Acme", -1),
        ("Costs fall at Acme", 1),
        ("Acme loss widens as sales drop", -1),
        ("Acme raises guidance", 1),
        ("Acme cuts dividend", -1),
        ("Acme reports record revenue", 1),
    ],
)
def test_a_direction_is_read_beside_what_moves(text: str, sign: int) -> None:
    assert said(text) == sign


@pytest.mark.parametrize(
    "text", ["Acme shares jump 7%", "Stock of Acme tumbles", "Acme soars", "Acme hits record high", "Shares of Acme fall sharply"]
)
def test_what_only_tells_of_the_price_says_nothing(text: str) -> None:
    assert tone(text) == 0.0


def test_forms_of_a_word_say_the_same() -> None:
    assert {said(f"Acme {form}") for form in ("disappoints", "disappointed", "disappointing", "DISAPPOINTS", "Disappoints")} == {-1}
    assert tone("Acme doesn\u2019t disappoint") == tone("Acme doesn't disappoint") > 0


def test_the_lists_do_not_contradict_themselves() -> None:
    good, bad = words.GOOD | words.VERY_GOOD, words.BAD | words.VERY_BAD
    assert not good & bad
    assert not words.UP & words.DOWN
    assert not words.WANTED & words.UNWANTED
    assert 300 <= len(good | bad | words.UP | words.DOWN | words.WANTED | words.UNWANTED) <= 600


@given(st.text(max_size=200))
def test_any_text_has_a_tone(text: str) -> None:
    assert -1.0 <= tone(text) <= 1.0
    assert tone(text) == tone(text)
