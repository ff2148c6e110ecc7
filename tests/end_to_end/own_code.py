"""A feature that reads the next bar and a model that looks at the batch: what ``undertow audit`` is there to find."""

import numpy as np

from undertow import FeatureEngineering, ModelIntegrationFramework
from undertow.features.language.expressions import Column
from undertow.features.language.register import feature
from undertow.models.logistic import RidgeLogistic
from undertow.models.register import model


def next_value(x):
    return np.append(x[1:], np.nan)[: len(x)]


class Peeking(FeatureEngineering):
    @feature(unit="price", bars=("daily",))
    def reads_the_next_bar(self, bars):
        """The next bar's close over this one's."""
        return (bars.close / Column(bars.kind, next_value, (bars.close,))).last()


class Batchwise(RidgeLogistic):
    def predict(self, X):
        return super().predict(X - np.nanmean(X, axis=0))


class Crowded(ModelIntegrationFramework):
    @model
    def normalises_by_the_batch(self):
        """Takes off the mean of the rows at hand."""
        return Batchwise()
