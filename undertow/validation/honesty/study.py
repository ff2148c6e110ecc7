"""Run a plan: every market on its own, in parallel, each from its seed alone; out come outcomes in the order of the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from undertow.core.calendar import nyse
from undertow.validation.honesty.leaks import CONTROL, Leak, sound_twin
from undertow.validation.honesty.market import make
from undertow.validation.honesty.pipeline import Outcome, judge
from undertow.validation.honesty.plan import LEAK_SEEDS, NULL_SEEDS, PLANTED_SEEDS, Plan
from undertow.validation.laws import Finding

Tell = Callable[[str, int, int], None]
NULL = "null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One market of an arm, or (without a seed) one leak put to the audit."""

    arm: str
    seed: int | None
    ic: float = 0.0
    leak: Leak | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What a plan led to."""

    plan: Plan
    outcomes: dict[str, tuple[Outcome, ...]]  #: arm -> its markets
    caught: dict[str, tuple[Finding, ...]]  #: leak -> what the audit said of it


def arm_of(ic: float) -> str:
    """Name of the arm of an information coefficient."""
    return f"planted {ic:g}" if ic else NULL


def tasks(plan: Plan) -> list[Task]:
    """Everything a plan asks for, in order."""
    out = [Task(arm=NULL, seed=NULL_SEEDS + i) for i in range(plan.null)]
    for ic, count in plan.planted.items():
        out += [Task(arm=arm_of(ic), seed=PLANTED_SEEDS + i, ic=ic) for i in range(count)]
    if plan.leaks:
        out += [Task(arm=CONTROL, seed=LEAK_SEEDS + i) for i in range(plan.each_leak)]
    for leak in plan.leaks:
        out.append(Task(arm=leak.name, seed=None, leak=leak))
        out += [Task(arm=leak.name, seed=LEAK_SEEDS + i, leak=leak) for i in range(plan.each_leak)]
    return out


def work(plan: Plan, task: Task) -> Outcome | list[Finding]:
    """One task on one core: the same bits whichever process it falls to."""
    from threadpoolctl import threadpool_limits

    calendar = nyse()
    with threadpool_limits(limits=1):
        if task.seed is None and task.leak is not None:
            return task.leak.caught(replace(plan.leaky_market, seed=LEAK_SEEDS), calendar)
        small = replace(plan.leaky_market, seed=task.seed or 0)
        if task.leak is not None:
            return judge(task.leak.market(small, calendar), task.leak.pipeline(plan.leaky), calendar)
        if task.arm == CONTROL:
            return judge(*sound_twin(small, plan.leaky, calendar), calendar)
        return judge(make(replace(plan.market, seed=task.seed or 0, ic=task.ic), calendar), plan.pipeline, calendar)


def run_study(plan: Plan, *, jobs: int, tell: Tell) -> Study:
    """Run a plan on ``jobs`` processes (1 stays in this one), telling how far it has come."""
    asked = tasks(plan)
    outcomes: dict[str, list[Outcome]] = {task.arm: [] for task in asked}
    caught: dict[str, tuple[Finding, ...]] = {}
    for done, (task, got) in enumerate(zip(asked, _results(plan, asked, jobs), strict=True), start=1):
        if isinstance(got, Outcome):
            outcomes[task.arm].append(got)
        else:
            caught[task.arm] = tuple(got)
        tell(task.arm, done, len(asked))
    return Study(plan=plan, outcomes={arm: tuple(some) for arm, some in outcomes.items()}, caught=caught)


def _results(plan: Plan, asked: list[Task], jobs: int) -> Iterator[Outcome | list[Finding]]:
    if jobs == 1:
        return (work(plan, task) for task in asked)
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = Parallel(n_jobs=jobs, return_as="generator")
        results: Iterator[Outcome | list[Finding]] = parallel(delayed(work)(plan, task) for task in asked)
        return results
