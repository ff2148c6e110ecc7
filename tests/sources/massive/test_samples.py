"""Every collected body of Massive's parses, or is the error it documents; bodies of no kind of ours are recognised as such."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sources.massive.bodies import ns
from tests.sources.wire.vendor import NOW, FakeClock, Script, wire
from undertow.core.chunk import Chunk
from undertow.core.errors import BadData
from undertow.core.events import MISSING
from undertow.core.time import DAY, MINUTE
from undertow.sources.massive import bars, chain, frames, reference, ticks
from undertow.sources.massive.pages import collect
from undertow.sources.massive.rows import Row, Scope, results
from undertow.sources.wire import errors
from undertow.sources.wire.answer import Answer, decoded, verdict
from undertow.sources.wire.client import Policy

FOLDER = Path(__file__).parents[3].parent / "shared" / "data" / "vendor_samples" / "polygon"
NO_SAMPLES = "the collected vendor bodies are not beside this checkout (shared/data/vendor_samples)"
SAMPLES = sorted(FOLDER.glob("*.json"))
EVENING = ns("2026-05-28T21:00:00Z")
pytestmark = pytest.mark.skipif(not SAMPLES, reason=NO_SAMPLES)


def scoped(symbol: str) -> Scope:
    return Scope(symbols=(symbol,), symbol=symbol)


def tickers(rows: list[Row]) -> list[str]:
    return sorted({str(row["ticker"]) for row in rows})


#: file name -> what it holds, how to parse it, how many rows come out of n (None: of every n one)
PARSERS: dict[str, Callable[[list[Row]], list[Chunk]]] = {
    r"(mock|openapi)_aggs_(AAPL|stocks|options)\w*": lambda r: [bars.daily_bars(r, scoped("AAPL")), bars.bars(r, scoped("AAPL"), MINUTE)],
    r"(mock|openapi)_(grouped_daily|prev_\w+)": lambda r: [bars.daily_bars(r, scoped("AAPL"))],
    r"aggs_empty_no_results_key": lambda r: [bars.daily_bars(r, scoped("AAPL"))],
    r"(mock|openapi)_trades_v3_(AAPL|stocks)\w*": lambda r: [ticks.trades(r, scoped("AAPL")), ticks.off_exchange_prints(r, scoped("AAPL"))],
    r"openapi_trades_v3_options": lambda r: [ticks.option_trades(r, scoped("AZO"), "O:AZO140621P00530000")],
    r"(mock|openapi)_quotes_v3_\w+": lambda r: [ticks.quotes(r, scoped("AAPL"))],
    r"(mock|openapi)_splits\w*": lambda r: [reference.splits(r, scoped(t)) for t in tickers(r) if t != "SHOP"],
    r"(mock|openapi)_dividends\w*": lambda r: [reference.dividends(r, scoped(t)) for t in tickers(r)],
    r"openapi_short_volume": lambda r: [reference.short_volume(r, scoped("A"))],
    r"(mock|openapi)_news_\w+": lambda r: [reference.news(r, scoped(t)) for t in sorted({t for row in r for t in row["tickers"]})],
    r"(mock|openapi)_option(s_chain|_contract)_snapshot\w*": lambda r: [
        chain.chain_rows(r, scoped("AAPL"), EVENING),
        chain.open_interest(r, scoped("AAPL"), EVENING),
    ],
}
ERRORS = {
    400: errors.BadRequest,
    401: errors.Unauthorised,
    403: errors.NotEntitled,
    404: errors.NotFound,
    429: errors.RateLimited,
}
#: bodies with no ``results``: another shape, which is an error and never "no rows"
OTHER_SHAPE = r"flatfile_\w+|openapi_\w+_csv|\w+_(marketstatus|open_close|snapshot_(all|gainers|single))\w*"
#: bodies in the envelope, of no kind of ours
OTHER_KIND = (
    r"(mock|openapi)_(conditions|ema|exchanges|financials|last_|macd|options_contracts?|rsi|sma|snapshot_indices|summaries|ticker|"
    r"universal|benzinga|filings|float|form|ipos|ratios|related|short_interest|treasury)\w*"
)


def load(path: Path) -> Any:
    return decoded(path.read_bytes())


def ids(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", [p for p in SAMPLES if not p.stem.startswith("ws_")], ids=ids)
def test_a_rest_body(path: Path) -> None:
    name, body = path.stem, load(path)
    if match := re.match(r"error_(\d+)", name):
        answer = Answer(path="/x", status=int(match[1]), headers={}, raw=path.read_bytes(), received_at=NOW)
        said = verdict(answer)
        assert type(said) is ERRORS[int(match[1])]
        assert (body.get("error") or body["message"])[:40] in str(said)
        with pytest.raises(errors.WireError):  # and it is no data even if it came with status 200
            results(body)
        return
    if re.fullmatch(OTHER_SHAPE, name):
        with pytest.raises(errors.BadAnswer):
            results(body)
        return
    rows = results(body, name)
    parser = next((parse for pattern, parse in PARSERS.items() if re.fullmatch(pattern, name)), None)
    if parser is None:
        assert re.fullmatch(OTHER_KIND, name), f"{name} is in no group"
        return
    chunks = parser(rows)
    assert chunks
    for chunk in chunks:
        assert (chunk.event_at <= chunk.known_at).all() or chunk.kind.kind == "corporate_action"
        for column in ("price", "open", "close", "strike"):
            if column in chunk.columns:
                assert ((chunk.columns[column] > 0) | (chunk.columns[column] == MISSING)).all()
    if "ALTERED" not in name and "option" not in name:
        assert sum(len(c) for c in chunks) >= len(rows) - ("SHOP" in str(rows)) * 2


@pytest.mark.parametrize("path", [p for p in SAMPLES if p.stem.startswith("ws_")], ids=ids)
def test_a_websocket_frame(path: Path) -> None:
    name, body = path.stem, load(path)
    texts = [json.dumps(part) for part in body] if isinstance(body, list) else [json.dumps(body)]
    symbols = tuple(sorted(set(re.findall(r'"(?:sym|T)": "(?:O:)?([A-Z]+)(?:\d{6}[CP]\d{8})?"', path.read_text()))))
    out = [frames.frame(text, symbols, NOW) for text in texts]
    kinds = [chunk.kind.kind for one in out for chunk in one.chunks]
    expected = {
        "ws_array_two_trades": ["trade", "trade"],
        "ws_options_T": ["option_trade"],
        "ws_stocks_A": ["bar"],
        "ws_stocks_AM": ["bar"],
        "ws_stocks_Q": ["quote"],
        "ws_stocks_T": ["trade"],
    }
    assert kinds == expected.get(name, [])
    assert sum(len(one.statuses) for one in out) == (len(body) if name == "ws_status_messages" else 0)
    assert sum(len(one.bands) for one in out) == (name == "ws_stocks_LULD")
    if not kinds and name not in ("ws_status_messages", "ws_stocks_LULD"):
        assert sum(sum(one.ignored.values()) for one in out) == len(texts)


def test_the_double_split_of_the_old_endpoint_is_caught() -> None:
    with pytest.raises(BadData, match="SHOP on 2022-06-22 and again on 2022-06-29"):
        reference.splits(results(load(FOLDER / "mock_splits.json")), scoped("SHOP"))


@pytest.mark.parametrize("first", [p for p in SAMPLES if p.stem.endswith("_page1")], ids=ids)
def test_two_pages_are_read_as_one(first: Path) -> None:
    second = first.with_name(first.name.replace("page1", "page2"))
    body = load(first) | {"next_url": "https://api.polygon.io/next?cursor=x"}
    script = Script(httpx.Response(200, content=json.dumps(body).encode()), httpx.Response(200, content=second.read_bytes()))

    async def run() -> Any:
        async with wire(script, FakeClock(), policy=Policy(deadline=DAY)) as client:
            return await collect(client, "/x", {})

    import asyncio

    if "next_url" in load(second):
        script.replies.append(httpx.Response(200, content=json.dumps({"status": "OK", "count": 0}).encode()))
    got = asyncio.run(run())
    assert len(got.rows) + got.duplicates == len(results(load(first))) + len(results(load(second)))
