"""Numbers in the documents are those of the code: each sentence here is written with the code's own value and looked up."""

from __future__ import annotations

import math
import re
from dataclasses import fields

import pytest

from tests.docs.documents import ROOT, prose, text_of
from undertow.app import job, wiring
from undertow.core.orders import Costs
from undertow.engine.run import round_trip
from undertow.models import calibration, stacking
from undertow.models.abstention import DENSITY, threshold
from undertow.models.framework import Schedule
from undertow.sandbox.market import Market
from undertow.sandbox.options.chains import CONTRACTS
from undertow.strategies.meta import Meta
from undertow.validation.significance import LEAST_SESSIONS

SCHEDULE, COSTS, MARKET = Schedule(), Costs(), Market()
IC = MARKET.settings.information_coefficient
TRIP = round_trip(COSTS) * 1e4  # basis points
NEEDED = SCHEDULE.at_least + SCHEDULE.every + 1
HONEST, IMPORT, COST_PAGE = "docs/concepts/honest-numbers.md", "docs/how-to/import-your-data.md", "docs/concepts/costs.md"
SAID = [
    ("README.md", f"{50 + 100 * math.asin(IC) / math.pi:.1f} %"),
    (HONEST, f"{50 + 100 * math.asin(IC) / math.pi:.1f} %"),
    ("README.md", f"information coefficient of {IC}"),
    (HONEST, f"information coefficient of {IC}"),
    ("README.md", f"{CONTRACTS} option contracts a symbol and session"),
    (IMPORT, f"at least {NEEDED} sessions"),
    (IMPORT, f"the outcomes of {SCHEDULE.at_least} sessions, and models are retrained every {SCHEDULE.every}"),
    (HONEST, f"retrained every {SCHEDULE.every} sessions, on up to {SCHEDULE.at_most} sessions"),
    (HONEST, f"and need {SCHEDULE.at_least} for a first time"),
    (HONEST, f"fewer than {stacking.STACK_NEEDS} independent outcomes"),
    (HONEST, f"Below {calibration.PLATT_NEEDS:,} independent outcomes"),
    (HONEST, f"1/2 + {DENSITY} · cost / volatility"),
    (HONEST, f"default cost of {TRIP:g} basis points and a daily volatility of 2 % that is {threshold(TRIP * 1e-4, 0.02):.3f}"),
    (HONEST, f"more than {wiring.BAND:.0%} of".replace("%", " %")),
    (HONEST, f"Below {LEAST_SESSIONS} sessions nothing is annualised"),
    ("docs/how-to/read-the-report.md", f"Below {LEAST_SESSIONS} sessions nothing is annualised"),
    (COST_PAGE, f"{TRIP:g} basis points by default"),
    ("docs/how-to/run-premarket-and-trading.md", f"the default of {job.Flags().speed:g}"),
    ("docs/reference/commands.md", f"up to {job.MOST_SYMBOLS} tickers"),
    ("docs/start/first-run.md", f"which is {job.Flags().seed} unless you say otherwise"),
]  # fmt: skip


@pytest.mark.parametrize(("page", "sentence"), SAID, ids=[f"{page}: {sentence[:40]}" for page, sentence in SAID])
def test_a_number_is_the_code_s(page: str, sentence: str) -> None:
    assert sentence in prose(ROOT / page)


def test_a_quarter_of_the_kelly_stake() -> None:
    assert Meta().kelly == 0.25
    assert Meta().most == 1.0
    assert calibration.PRIOR_SLOPE == 0.5


def test_the_neutral_line_that_is_shown_adds_up() -> None:
    shown = f"does not pay costs of {TRIP:.1f} bp: {float(threshold(TRIP * 1e-4, 0.02)):.4f} would)"
    assert shown in text_of(ROOT / "docs/how-to/read-the-report.md")


def test_every_cost_is_listed_with_its_default() -> None:
    text = text_of(ROOT / COST_PAGE)
    listed = re.findall(r"^\| `(\w+)` \| (\S+) \|", text, re.M)
    assert listed == [(f.name, str(f.default)) for f in fields(Costs)]


def test_the_simulated_market_publishes_when_the_page_says() -> None:
    from undertow.core.calendar import nyse
    from undertow.core.events import ChainRow, NewsItem, OffExchangeVolume, OpenInterest
    from undertow.core.time import HOUR, MINUTE

    found = MARKET.events(["KO"], slice(9000, 9001))
    today, tomorrow = (int(nyse().midnight[i]) for i in (9000, 9001))
    assert set(found[ChainRow].known_at - today) == {16 * HOUR + 20 * MINUTE}
    assert set(found[OpenInterest].known_at - tomorrow) == {9 * HOUR}
    assert set(found[OffExchangeVolume].known_at - today) == {18 * HOUR}
    assert set(found[NewsItem].known_at - tomorrow) <= {8 * HOUR}


def test_importing_the_package_is_light() -> None:
    import subprocess
    import sys

    code = "import sys, undertow; print([m for m in ('numpy', 'polars', 'xgboost', 'typer') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip() == "[]"


def test_the_package_offers_what_the_readme_imports() -> None:
    import undertow

    for name in undertow.__all__:
        assert getattr(undertow, name) is not None
    assert set(undertow.__all__) <= set(dir(undertow))
    with pytest.raises(AttributeError, match="offers"):
        _ = undertow.Nothing  # type: ignore[attr-defined]
