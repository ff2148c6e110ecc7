"""A stage goes into files and comes back with the same bits, whatever models it is made of; what does not fit is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Chunk, chunk_of
from undertow.core.errors import BadData, NotSupported
from undertow.core.events import LabelKnown
from undertow.core.time import HOUR, Instant
from undertow.models.framework import ModelIntegrationFramework, Schedule, Trained
from undertow.models.hft import KALMAN
from undertow.models.keeping import identity
from undertow.models.keeping.arrays import from_bytes, to_bytes
from undertow.models.keeping.identity import FORMAT, code, libraries, why_not
from undertow.models.keeping.plain import ROOM, Plain, pack, unpack
from undertow.models.keeping.stages import ARRAYS, TREE, from_files, summary, to_files
from undertow.models.logistic import RidgeLogistic
from undertow.models.sequence.training import Recipe

SYMBOLS = ("A", "B")
FEATURES = ("f0", "f1", *KALMAN, "drift_t", "residual_score", "synthetic_divergence_score")
FAMILIES = {"f0": "anomalies", "f1": "news"}
SCHEDULE = Schedule(every=20, at_least=30, at_most=60)
FIRST, SESSIONS = 8000, 100
ROOT = Path(__file__).resolve().parents[2]


class Memory:
    """A shelf in memory, by way of files."""

    def __init__(self) -> None:
        self.kept: dict[Instant, dict[str, bytes]] = {}
        self.asked: list[Instant] = []

    def find(self, at: Instant) -> Trained | None:
        self.asked.append(at)
        return from_files(self.kept[at]) if at in self.kept else None

    def keep(self, stage: Trained) -> None:
        self.kept[stage.at] = to_files(stage)


def market() -> tuple[I64, F64, Chunk]:
    calendar, rng = nyse(), np.random.default_rng(0)
    hours = np.array([9 * HOUR, 9 * HOUR + HOUR * 3 // 4, 12 * HOUR, 15 * HOUR])
    ticks = (calendar.midnight[FIRST : FIRST + SESSIONS, None] + hours).ravel()
    X = rng.standard_normal((len(ticks), len(SYMBOLS), len(FEATURES)))
    X[rng.random(X.shape) < 0.05] = np.nan
    value = 0.3 * np.nan_to_num(X[:, :, 0]) + rng.standard_normal(X.shape[:2])
    key, at = np.tile(np.arange(2), len(ticks)), np.repeat(ticks, 2)
    columns = {"horizon": np.full(len(at), 26 * HOUR), "value": value.ravel()}
    return ticks, X, chunk_of(LabelKnown, SYMBOLS, key=key, event_at=at, known_at=at + 26 * HOUR, columns=columns)


class Brief(ModelIntegrationFramework):
    """Every model there is, with networks that are taught in a moment."""

    recipe = Recipe(seeds=(0,), epochs=2)


def framework(shelf: Memory | None = None) -> ModelIntegrationFramework:
    return Brief(SYMBOLS, FEATURES, schedule=SCHEDULE, families=FAMILIES, shelf=shelf)


@pytest.fixture(scope="module")
def shelf() -> Memory:
    """The stages of a run with every model there is."""
    kept, (ticks, X, labels) = Memory(), market()
    framework(kept).push(ticks, X, labels.between(0, int(ticks[-1])))
    assert len(kept.kept) == 3
    return kept


@pytest.fixture(scope="module")
def stage(shelf: Memory) -> Trained:
    """The last of them."""
    return from_files(shelf.kept[max(shelf.kept)])


def test_every_base_model_of_the_framework_is_kept_with_the_same_bits(shelf: Memory) -> None:
    ticks, X, labels = market()
    first = framework()
    wanted = first.push(ticks, X, labels.between(0, int(ticks[-1])))
    again = framework(shelf)
    found = again.push(ticks, X, labels.between(0, int(ticks[-1])))
    for name in ("p_up", "score", "odds"):
        assert getattr(found, name).tobytes() == getattr(wanted, name).tobytes()
    assert {name for stage in again.stages for name in stage.names} >= {"xgboost", "random_forest", "gradient_boosting", "kalman_filter"}
    for one, two in zip(first.stages, again.stages, strict=True):
        assert one.names == two.names
        assert one.contributions(one.sample).tobytes() == two.contributions(two.sample).tobytes()
        assert to_files(one) == to_files(two)


def test_a_shelf_that_lacks_a_stage_has_the_rest_trained_alike(shelf: Memory) -> None:
    ticks, X, labels = market()
    part = Memory()
    part.kept = {at: files for at, files in shelf.kept.items() if at != sorted(shelf.kept)[1]}
    framework(part).push(ticks, X, labels.between(0, int(ticks[-1])))
    assert part.kept == shelf.kept


ANSWERS = """
import sys
from pathlib import Path
import numpy as np
from undertow.models.keeping.stages import from_files
stage = from_files({path.name: path.read_bytes() for path in Path(sys.argv[1]).iterdir()})
assert np.isfinite(stage.odds(stage.sample)).any()
print(sorted({"keras", "tensorflow", "xgboost", "sklearn", "onnxruntime"} & set(sys.modules)))
"""


def test_models_answer_without_the_libraries_that_taught_them(stage: Trained, tmp_path: Path) -> None:
    for name, content in to_files(stage).items():
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", ANSWERS, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120, cwd=ROOT
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_manifest_can_tell_a_person_of_a_stage(stage: Trained) -> None:
    told = json.loads(json.dumps(summary(stage), allow_nan=False))
    assert told["models"] == list(stage.names)
    assert told["rows"] == stage.rows


@pytest.mark.parametrize("damage", ["tree cut", "arrays cut", "no arrays", "not a stage", "another class", "code", "a field more"])
def test_files_that_do_not_make_a_stage_are_refused(stage: Trained, damage: str) -> None:
    files = to_files(stage)
    tree = json.loads(files[TREE])
    change: dict[str, Callable[[], dict[str, bytes]]] = {
        "tree cut": lambda: {**files, TREE: files[TREE][:-100]},
        "arrays cut": lambda: {**files, ARRAYS: files[ARRAYS][:-8]},
        "no arrays": lambda: {TREE: files[TREE]},
        "not a stage": lambda: {**files, TREE: b"[1, 2]"},
        "another class": lambda: {**files, TREE: json.dumps({**tree, "class": f"{ROOM}stage:Gone"}).encode()},
        "code": lambda: {**files, TREE: json.dumps({**tree, "class": "subprocess:Popen"}).encode()},
        "a field more": lambda: {**files, TREE: json.dumps({**tree, "of": {**tree["of"], "extra": 1}}).encode()},
    }
    with pytest.raises(BadData):
        from_files(change[damage]())


def test_only_classes_of_the_models_room_are_kept_or_made() -> None:
    @dataclass
    class Foreign:
        x: int = 1

    with pytest.raises(NotSupported, match="does not keep"):
        pack({"part": Foreign()})
    for of in ("os:system", "undertow.models.logistic:sigmoid", "undertow.models.logistic:np", "undertow.app.home:home"):
        with pytest.raises(BadData):
            unpack(Plain({"$": "object", "class": of, "of": {}}))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_plain_values_come_back(value: object) -> None:
    plain = pack(value)
    tree = json.loads(json.dumps(plain.tree, allow_nan=False))
    assert repr(unpack(Plain(tree, plain.arrays, plain.files))) == repr(value)


DTYPES = st.sampled_from([np.float64, np.float32, np.int64, np.int32, np.uint8, np.bool_])


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(max_size=8), DTYPES.flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, min_side=0))), max_size=4))
def test_arrays_come_back_bit_for_bit(arrays: dict[str, np.ndarray]) -> None:
    arrays.pop("__metadata__", None)
    found = from_bytes(to_bytes(arrays))
    assert sorted(found) == sorted(arrays)
    for name, value in arrays.items():
        assert (found[name].dtype, found[name].shape) == (value.dtype, value.shape)
        assert found[name].tobytes() == np.ascontiguousarray(value).tobytes()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused_and_nothing_worse(content: bytes) -> None:
    try:
        from_bytes(content)
    except BadData:
        pass


def test_an_array_of_objects_is_refused() -> None:
    with pytest.raises(BadData, match="only plain numbers"):
        to_bytes({"x": np.array(["a", None], object)})


# --- is it what is asked for? -----------------------------------------------------------------------------------------


def recipe(**changes: object) -> identity.Recipe:
    made = identity.Recipe(
        symbols=("A", "B"),
        timeframe="5m",
        source="simulated seed 0",
        features=("f", "g"),
        models=("ridge_logistic",),
        schedule={"every": 42},
        begins="2024-01-02",
        seed=0,
        libraries={"xgboost": "3.2.0", "numpy": "2.3.1"},
        code="abc",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


ABOUT = {
    "format": FORMAT,
    "symbols": ["A", "B"],
    "features": ["f", "g"],
    "libraries": {"xgboost": "3.0.1", "numpy": "2.1"},
    "data": {"bar": "1"},
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, ""),
        ({"format": 0}, "is of format 0, and this version reads 1"),
        ({"symbols": ["A"]}, "was taught on other symbols"),
        ({"features": ["f", "h"]}, "was taught on another feature list: 1 gone (h); 1 new (g)"),
        ({"features": ["g", "f"]}, "was taught on another feature list: in another order"),
        ({"libraries": {"xgboost": "2.1.4", "numpy": "2.1"}}, "was taught with xgboost 2.1.4, and 3.2.0 is installed"),
        ({"libraries": {"numpy": "2.1"}}, "was taught with xgboost none, and 3.2.0 is installed"),
        ({"data": {"bar": "2"}}, "was taught on other data: what was known by then has changed"),
    ],
)
def test_what_a_kept_stage_was_taught_on_must_be_what_is_asked_for(change: dict[str, object], says: str) -> None:
    assert why_not({**ABOUT, **change}, recipe(), ("f", "g"), {"bar": "1"}) == says
    if "data" in change:
        assert why_not({**ABOUT, **change}, recipe(), ("f", "g"), None) == ""


def test_a_set_is_named_by_everything_that_decides_what_it_is() -> None:
    names = {recipe().name}
    assert recipe(features=("f",), libraries={"xgboost": "4.0"}).name == recipe().name, "these are refused by name, not passed by"
    for change in ({"begins": "2023-01-03"}, {"code": "abd"}, {"models": ("xgboost",)}, {"seed": 1}, {"schedule": {"every": 21}}):
        names.add(recipe(**change).name)
    assert len(names) == 6
    assert recipe(code="abd").scope == recipe().scope != recipe(timeframe="1d").scope
    assert recipe(symbols=tuple("ABCDEF")).name.startswith("A-B-C-D-and-2-more-5m-")


def test_code_and_libraries_are_named(tmp_path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "a.py").write_text("x = 1\n")
    one = code(tmp_path)
    (tmp_path / "core" / "a.py").write_text("x = 2\n")
    assert one != code(tmp_path)
    assert code() == code()
    assert {"numpy", "xgboost", "scikit-learn"} <= set(libraries())


def test_a_plain_object_keeps_what_it_learnt() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 3)), (rng.random(300) < 0.5).astype(np.float64)
    model = RidgeLogistic(penalty=10.0).fit(X, y, np.ones(300))
    plain = pack(model)
    again = unpack(plain)
    assert isinstance(again, RidgeLogistic)
    assert again.predict(X).tobytes() == model.predict(X).tobytes()
