"""What the tape's letters mean here: venues and sale conditions, under the vendor's names and numbers (facts A.2, E.1, E.2)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

#: exchanges by MIC, the likeliest first
EXCHANGES = np.array(["XNAS", "XNYS", "ARCX", "BATS", "EDGX", "IEXG"], object)
#: trade reporting facilities by MIC -> the vendor's ``trf_id``
FACILITIES: dict[str, int] = {"FINN": 202, "FINY": 201, "FINC": 203}

# a print's conditions are the sum of these, so that compiled code can set them
AVERAGE, FORM_T, SWEEP, OPENING, VARIATION, LATE, ODD_LOT, CONTINGENT = 1, 2, 4, 8, 16, 32, 64, 128
_IDS = {AVERAGE: "2", FORM_T: "12", SWEEP: "14", OPENING: "17", VARIATION: "21", LATE: "32", ODD_LOT: "37", CONTINGENT: "53"}
CONDITIONS = np.array([",".join(name for bit, name in _IDS.items() if code & bit) for code in range(256)], object)

_NO_EXTREME = frozenset(("2", "7", "12", "13", "15", "16", "20", "21", "29", "37", "38", "52", "53"))
_NO_LAST = _NO_EXTREME | {"10", "22", "32", "33"}
MAKES_NO_EXTREME = AVERAGE | VARIATION | ODD_LOT | CONTINGENT  #: of the codes above, in or out of regular hours
MAKES_NO_LAST = MAKES_NO_EXTREME | LATE


def updates(conditions: str, *, regular: bool = True) -> tuple[bool, bool]:
    """Whether a print with these conditions moves a bar's high and low, and its open and close; all of them must allow it.

    Outside regular hours a bar is made of Form T prints (12), inside it is not.
    """
    held = _held(conditions.split(","), regular)
    return not held & _NO_EXTREME, not held & _NO_LAST


def _held(names: Iterable[str], regular: bool) -> set[str]:
    return {name for name in names if name and (regular or name != "12")}


#: option conditions: electronic, sweep, auction, floor, multi-leg electronic, multi-leg auction
OPTION_CONDITIONS = np.array(["209", "219", "227", "231", "232", "233"], object)
ELECTRONIC, INTERMARKET, AUCTION, FLOOR, LEG, LEG_AUCTION = range(6)
