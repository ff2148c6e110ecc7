"""Could luck have done this? Returns and the number of attempts in; probabilities, minimum lengths and plain sentences out.

``sharpe`` judges one Sharpe ratio, ``revision`` the same with autocorrelation and rates of false discovery, ``effective`` counts trials
that differ, ``cscv`` and ``spa`` judge a whole search, ``fdr`` many p-values, ``proportions`` hit rates and gates.
"""

from undertow.validation.significance import revision
from undertow.validation.significance.cscv import Overfitting, cpcv_counts, null_band, overfitting
from undertow.validation.significance.effective import Search, correlations, deflate, effective_trials, families
from undertow.validation.significance.fdr import discoveries, q_values
from undertow.validation.significance.proportions import (
    HitRate,
    best_null_hit_rate,
    binomial_gate,
    clopper_pearson,
    discounted,
    prior_strength,
    shrunk_hit_rate,
)
from undertow.validation.significance.sharpe import (
    Moments,
    annual_factor,
    best_of,
    dsr,
    expected_best,
    hurdle,
    min_backtest_years,
    min_track_record,
    moments,
    psr,
)
from undertow.validation.significance.spa import Superiority, superior
from undertow.validation.significance.verdict import LEAST_SESSIONS, SESSIONS_A_YEAR, Significance, assess

__all__ = [
    "LEAST_SESSIONS",
    "SESSIONS_A_YEAR",
    "HitRate",
    "Moments",
    "Overfitting",
    "Search",
    "Significance",
    "Superiority",
    "annual_factor",
    "assess",
    "best_null_hit_rate",
    "best_of",
    "binomial_gate",
    "clopper_pearson",
    "correlations",
    "cpcv_counts",
    "deflate",
    "discounted",
    "discoveries",
    "dsr",
    "effective_trials",
    "expected_best",
    "families",
    "hurdle",
    "min_backtest_years",
    "min_track_record",
    "moments",
    "null_band",
    "overfitting",
    "prior_strength",
    "psr",
    "q_values",
    "revision",
    "shrunk_hit_rate",
    "superior",
]
