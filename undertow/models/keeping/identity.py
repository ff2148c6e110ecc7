"""What a stage of models was made by, and whether one that was kept is what is asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FORMAT = 1  #: of the files; another one is not read
#: whose results a stage consists of; of names in one row the one that is installed counts
LIBRARIES = (("numpy",), ("scipy",), ("scikit-learn",), ("xgboost-cpu", "xgboost"), ("keras",), ("tensorflow-cpu", "tensorflow"))
#: rooms whose code decides what a stage is
ROOMS = ("core", "features", "models", "sandbox", "sources", "tape")
_NAMED = 4  # symbols in a set's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything but the data that decides what stages are: equal recipes on equal data give equal bits on one machine."""

    symbols: tuple[str, ...]
    timeframe: str
    source: str  #: name of the source; of a simulated market with its seed
    features: tuple[str, ...]  #: asked for: those without data are left out
    models: tuple[str, ...]
    schedule: Mapping[str, int]
    begins: str  #: day that learning begins on
    seed: int
    libraries: Mapping[str, str]
    code: str  #: digest of the code that decides

    @property
    def scope(self) -> str:
        """What sets compete for: symbols, bars and source; one of them is the one used."""
        return f"{','.join(self.symbols)} {self.timeframe} {self.source}"

    @property
    def name(self) -> str:
        """The set's name: the symbols, the bars and a digest."""
        some = "-".join(self.symbols[:_NAMED]) + (f"-and-{len(self.symbols) - _NAMED}-more" if len(self.symbols) > _NAMED else "")
        return f"{some}-{self.timeframe}-{self.digest()}"

    def digest(self) -> str:
        """Eight hexadecimal digits of all but features and libraries: where those differ a stage is refused by name, not passed by."""
        decides = {name: value for name, value in asdict(self).items() if name not in ("features", "libraries")}
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:8]

    def plain(self) -> dict[str, Any]:
        """For a manifest."""
        return {**asdict(self), "symbols": list(self.symbols), "features": list(self.features), "models": list(self.models)}


def libraries() -> dict[str, str]:
    """Name -> version of the installed libraries that teach."""
    found = {}
    for names in LIBRARIES:
        for name in names:
            try:
                found[names[-1]] = version(name)
                break
            except PackageNotFoundError:
                continue
    return found


def code(root: Path | None = None) -> str:
    """Digest of the code that decides what a stage is."""
    base = root or Path(__file__).resolve().parents[2]
    found = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((base / room).rglob("*.py")):
            found.update(path.relative_to(base).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def why_not(about: Mapping[str, Any], recipe: Recipe, features: tuple[str, ...], data: Mapping[str, str] | None) -> str:
    """Why a kept stage is not what is asked for, in words after "It"; empty where it is.

    about : what its manifest says; features : those of the run; data : the state of what was known by then, None where any will do.
    """
    if about.get("format") != FORMAT:
        return f"is of format {about.get('format')}, and this version reads {FORMAT}"
    if about.get("symbols") != list(recipe.symbols):
        return "was taught on other symbols"
    if about.get("features") != list(features):
        return _other_features(list(about.get("features", [])), list(features))
    for name, now in recipe.libraries.items():
        then = str(about.get("libraries", {}).get(name, "none"))
        if then.partition(".")[0] != now.partition(".")[0]:
            return f"was taught with {name} {then}, and {now} is installed"
    if data is not None and about.get("data") != dict(data):
        return "was taught on other data: what was known by then has changed"
    return ""


def _other_features(then: list[str], now: list[str]) -> str:
    gone, new = sorted(set(then) - set(now)), sorted(set(now) - set(then))
    parts = [
        f"{len(names)} {what} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for names, what in ((gone, "gone"), (new, "new"))
        if names
    ]
    return f"was taught on another feature list: {'; '.join(parts) or 'in another order'}"
