"""Every compiled function of the features once, before the tests are dealt: else each worker and each child would compile them again."""

from __future__ import annotations

from pathlib import Path


def warm() -> None:
    """Push a small tape through all features, unless that was done for these sources already."""
    from undertow.core import compiled

    folder = compiled.folder()
    if folder is None or (folder / "warm").exists():
        return
    from undertow.core.calendar import nyse
    from undertow.features.engineering import FeatureEngineering
    from undertow.validation import laws
    from undertow.validation.planted_tape import planted_tape

    material = planted_tape(laws.kinds_of(FeatureEngineering, ("AAA",), nyse()), nyse(), ticks=20)
    subject = laws.Subject(features=FeatureEngineering, material=material)
    subject.run(subject.chunks, material.ticks)
    subject.run(subject.chunks, material.ticks[-1:])
    Path(folder / "warm").touch()


if __name__ == "__main__":
    warm()
