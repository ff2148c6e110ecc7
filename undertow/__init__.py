"""Calibrated trading signals from what moves beneath the price: one fold over one tape."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from undertow.features.engineering import FeatureEngineering
    from undertow.models.classification import ClassificationModels
    from undertow.models.framework import ModelIntegrationFramework
    from undertow.models.hft import HFTModels
    from undertow.models.sequence.models import TimeSeriesModels

__version__ = "0.1.0"
__all__ = ["ClassificationModels", "FeatureEngineering", "HFTModels", "ModelIntegrationFramework", "TimeSeriesModels", "__version__"]

# found when first asked for, so that importing the package costs nothing
_ROOMS = {
    "FeatureEngineering": "undertow.features.engineering",
    "ClassificationModels": "undertow.models.classification",
    "HFTModels": "undertow.models.hft",
    "ModelIntegrationFramework": "undertow.models.framework",
    "TimeSeriesModels": "undertow.models.sequence.models",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'undertow' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS])
