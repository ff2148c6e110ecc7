"""The words a newcomer meets in a report, each in one or two sentences."""

from __future__ import annotations

#: key -> (term, what it means)
GLOSSARY: dict[str, tuple[str, str]] = {
    "return": ("Return", "Profit over the whole window as a share of the capital at its start, after every cost."),
    "hold": ("Buy and hold", "The same capital put into the same symbols at the first open and left alone, with the same costs."),
    "benchmark": (
        "Benchmark",
        "One symbol named with --benchmark, such as SPY: the whole capital put into it at the first open and left alone, same costs.",
    ),
    "excess": ("Excess return", "The return less buy and hold's. Positive means that trading did better than doing nothing."),
    "purse": (
        "Purse",
        "What one symbol made of an equal part of the capital. All share one account; a purse pays for its symbol and takes what it earns.",
    ),
    "cagr": ("Compound annual return", "The steady yearly rate that would have led to the same result."),
    "volatility": ("Volatility", "How much daily returns swing, as a yearly figure (standard deviation × √252)."),
    "sharpe": (
        "Sharpe ratio",
        "Average daily return divided by its standard deviation, × √252, with a risk-free rate of 0. "
        "A broad stock index has shown about 0.4 over a century; above 2 for years on end is very rare.",
    ),
    "sortino": ("Sortino ratio", "Like the Sharpe ratio, but only falls count as risk."),
    "psr": (
        "Probabilistic Sharpe ratio",
        "The probability that the true Sharpe ratio is above zero, given the length of the record and the shape of its returns, "
        "if nothing else had been tried.",
    ),
    "dsr": (
        "Deflated Sharpe ratio",
        "The same probability once the search is counted: the record must beat what the best of all tried settings would show by luck. "
        "0.95 or more is the usual bar.",
    ),
    "trials": (
        "Trials",
        "How many strategies and settings were tried on this market before this one was shown, this one included. "
        "Variants that rise and fall together count as less than one each.",
    ),
    "spa": (
        "Superior predictive ability",
        "The probability that the best of all settings tried would look this good if none were better than the benchmark "
        "(Hansen's test on resampled blocks of days). 0.05 or less is the usual bar.",
    ),
    "pbo": (
        "Probability of overfitting",
        "How often the setting that is best in one half of the days is below the middle in the other half. It wobbles widely: "
        "only a value outside the band of worthless searches says anything.",
    ),
    "fdr": (
        "False-discovery rate",
        "Among all symbols with a q-value this low or lower, the share that is expected to have got there by luck.",
    ),
    "hurdle": (
        "Luck's hurdle",
        "The Sharpe ratio that the best of that many worthless strategies is expected to show on a record this long.",
    ),
    "mintrl": ("Minimum track record", "Sessions needed before a Sharpe ratio like this one is above zero with 95% confidence."),
    "minbtl": (
        "Minimum backtest",
        "Years below which the best of that many worthless strategies is expected to reach a Sharpe ratio of 1.",
    ),
    "drawdown": ("Drawdown", "How far the equity stands below its highest value so far; the maximum is the deepest fall."),
    "trip": ("Round trip", "One trade from flat to flat, or to the moment the position changes side."),
    "tripwin": ("Profitable trades", "Share of closed round trips that earned money after commission, half-spread and impact."),
    "calls": ("Calls right", "Share of BUY and SELL signals after which the price went the called way over the horizon."),
    "coverage": ("Coverage", "Share of decision ticks with a BUY or SELL; the rest were NEUTRAL."),
    "turnover": ("Turnover", "Value bought plus value sold in a year, divided by mean equity."),
    "exposure": ("Exposure", "Mean position as a share of equity. Gross counts longs and shorts alike; net takes shorts off."),
    "attribution": (
        "Attribution",
        "What each strategy's part of the target would have gained without friction: its share of the symbol's part of the account times "
        "the price change until the next decision could be traded. The rest is costs, rounding to whole shares, and timing.",
    ),
    "phase": (
        "Phase of the decision",
        "When the decision was made that set the position: before the open, in the half hour after it, or later. The gain counts for "
        "that phase however long the position is held.",
    ),
    "multiple": (
        "Costs multiplied",
        "The same targets traded again with every cost at so many times the assumed one: 0 is a world without friction. An edge that "
        "does not survive twice the costs hangs on the assumption.",
    ),
    "capacity": (
        "Capacity",
        "The capital at which market impact eats all that is left before it: capital × ((gross gain − half-spread − commission, with "
        "borrow and dividends) ÷ impact)². All of these grow with the capital but impact, which grows with its power of 3/2. The most "
        "dollars are earned at 4/9 of it. It takes the gross gain for real, which only a long record can show.",
    ),
    "spread": ("Half-spread", "The distance from the middle price to the price one actually gets, paid on every trade."),
    "impact": ("Market impact", "How far our own order moves the price against us."),
    "borrow": ("Borrow and dividends", "The fee for shares sold short, and dividends received or owed: what the fills do not explain."),
    "confidence": ("Confidence", "The calibrated probability that the call is right. An honest value is often just above 50%."),
    "calibration": ("Calibration", "Whether things given 60% happen 60% of the time."),
    "band": ("95% band", "Where the observed share would lie 95% of the time if the probabilities were exactly right."),
    "effective": (
        "Effective outcomes",
        "Independent outcomes among the judged ones, cautiously: sessions × effective names. "
        "Signals of one day, or of symbols that move together, are not independent.",
    ),
    "brier": ("Brier score", "Mean squared error of the probabilities; 0.25 is a coin's score, lower is better."),
    "logloss": ("Log-loss", "The penalty for probability given to what did not happen; compared with always saying the base rate."),
    "slope": ("Calibration slope", "1 is right. Below 1 the probabilities are too bold, above 1 too timid."),
    "ece": (
        "Calibration error",
        "Mean gap between what was said and what came. The floor is the gap that perfect probabilities would show on so few outcomes.",
    ),
    "known": (
        "Grade of known_at",
        "How sure the first moment is at which a live system could have known a fact. Recorded: we received it then. "
        "Stamped: the vendor says so. Modelled: a rule says so.",
    ),
    "neutral": ("NEUTRAL", "No call: the expected edge does not pay for its costs, or no model was ready."),
    "silence": (
        "Signals not taken",
        "Decisions that were no call, by the first reason that applies. They are most of what an honest system decides.",
    ),
    "age": ("Age", "Sessions from a training to the end of the run. Markets change: models older than 84 sessions are warned about."),
    "until": ("Newest known", "When the newest fact of this kind became known that the last signals rest on."),
    "version": ("Table", "The version of this kind's table on the tape that was read; the same version gives the same run again."),
    "badge": (
        "Checks",
        "Honesty: the whole system is run on made markets, where it must find nothing in noise and something that was planted. "
        "Audit: every feature, model and fact on the tape is checked against the laws on what may be known when.",
    ),
    "logodds": ("Contribution", "How far one source pushes the log-odds of a rise: right of the middle towards BUY, left towards SELL."),
    "walk": (
        "Walk-forward",
        "Models are trained only on what was known before, then used on what follows; nothing here was fitted on itself.",
    ),
    "importance": ("Importance", "Mean absolute push of a feature on the log-odds."),
    "bp": ("Basis point", "One hundredth of a percent."),
}
