"""Every answer that the gate gives, in the order in which the questions are asked."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """Why an order was denied, or why the state is not ACTIVE; the order of the names is the order of the checks."""

    NOT_A_NUMBER = "not_a_number"
    LOSS_HALTS = "loss_halts"
    PEAK_HALTS = "peak_halts"
    LOSS_REDUCES = "loss_reduces"
    PEAK_REDUCES = "peak_reduces"
    STOPPED = "stopped"
    HALTED = "halted"
    BAD_ORDER = "bad_order"
    DUPLICATE_ORDER = "duplicate_order"
    FLATTEN_OPENS = "flatten_opens"
    EXITS_PER_MINUTE = "exits_per_minute"
    REDUCING = "reducing"
    CLOCK_SKEW = "clock_skew"
    STALE_CHANNEL = "stale_channel"
    NO_QUOTE = "no_quote"
    STALE_QUOTE = "stale_quote"
    BAD_QUOTE = "bad_quote"
    SPREAD = "spread"
    PRICE_COLLAR = "price_collar"
    ORDERS_PER_MINUTE = "orders_per_minute"
    ORDERS_PER_DAY = "orders_per_day"
    LOSS_ROOM = "loss_room"
    ORDER_SHARES = "order_shares"
    ORDER_VALUE = "order_value"
    SHORT_OPTION = "short_option"
    POSITION = "position"
    NAME = "name"
    SECTOR = "sector"
    GROSS = "gross"
    PREMIUM_NAME = "premium_name"
    PREMIUM = "premium"
    NO_LOCATE = "no_locate"
    NO_SHORTS = "no_shorts"
    MINIMUM_EQUITY = "minimum_equity"
    DAY_TRADES = "day_trades"
    UNSETTLED = "unsettled"
    MARGIN = "margin"
    BUYING_POWER = "buying_power"
    ALLOWED = "allowed"


#: What each code says, as docs/concepts/risk.md prints it.
SENTENCES: Mapping[Code, str] = {
    Code.NOT_A_NUMBER: "A number that matters is NaN, infinite or impossible.",
    Code.LOSS_HALTS: "The day's loss from its start has reached the limit that halts.",
    Code.PEAK_HALTS: "The fall from the day's peak has reached the limit that halts.",
    Code.LOSS_REDUCES: "The day's loss from its start has reached the limit from which orders only close.",
    Code.PEAK_REDUCES: "The fall from the day's peak has reached the limit from which orders only close.",
    Code.STOPPED: "A person or the kill switch stopped trading.",
    Code.HALTED: "The state is HALTED: nothing passes but what flattens.",
    Code.BAD_ORDER: "The order has no id or symbol, or a size, limit or multiplier that is not above 0.",
    Code.DUPLICATE_ORDER: "An order with this id was allowed today or is still working.",
    Code.FLATTEN_OPENS: "An order marked as flattening is larger than what is held, or adds to it.",
    Code.EXITS_PER_MINUTE: "Too many orders were sent in the last minute, even for one that closes.",
    Code.REDUCING: "The state is REDUCING: only orders that close pass.",
    Code.CLOCK_SKEW: "The clock is off, was not measured, or runs backwards.",
    Code.STALE_CHANNEL: "A stream of data has been silent for too long, or was never heard.",
    Code.NO_QUOTE: "There is no quote of what is to be traded.",
    Code.STALE_QUOTE: "The quote is too old.",
    Code.BAD_QUOTE: "The bid or the ask is not above 0, or the bid is above the ask.",
    Code.SPREAD: "The spread is too wide.",
    Code.PRICE_COLLAR: "The limit lies too far on the far side of the market.",
    Code.ORDERS_PER_MINUTE: "Too many orders were sent in the last minute.",
    Code.ORDERS_PER_DAY: "Too many orders were sent on this exchange day.",
    Code.LOSS_ROOM: "What already works could slip past the limit on losses before this order arrives.",
    Code.ORDER_SHARES: "The order is for too many shares or contracts.",
    Code.ORDER_VALUE: "The order is worth too much.",
    Code.SHORT_OPTION: "The order would leave an option sold short, and what that can lose is not bounded by its premium.",
    Code.POSITION: "The position in this one thing would be worth too much.",
    Code.NAME: "Shares and options of this name together would be too large a share of equity.",
    Code.SECTOR: "The sector would be too large a share of equity.",
    Code.GROSS: "All positions together would be too large a share of equity.",
    Code.PREMIUM_NAME: "The option premium at risk in this name would be too large a share of equity.",
    Code.PREMIUM: "The option premium at risk would be too large a share of equity.",
    Code.NO_LOCATE: "Fewer shares can be borrowed than the order would sell short.",
    Code.NO_SHORTS: "This kind of account may not sell short.",
    Code.MINIMUM_EQUITY: "The equity is below what a broker lends shares to.",
    Code.DAY_TRADES: "A small account has used its day trades, where the rule of the day counts them.",
    Code.UNSETTLED: "A cash account's settled cash does not pay for it.",
    Code.MARGIN: "By the margin rule of the day the equity does not cover what the account would hold.",
    Code.BUYING_POWER: "The broker's buying power does not cover the order and those still working.",
    Code.ALLOWED: "Every check passed.",
}
