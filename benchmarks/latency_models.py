"""A stage that holds every base model, those that a job's own teaching left out included: a tick must have time for all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from undertow.models.framework import ModelIntegrationFramework
from undertow.models.phases import PHASES
from undertow.models.register import mark_of
from undertow.models.sequence.export import pack_network
from undertow.models.sequence.models import SequenceNetwork
from undertow.models.sequence.network import Network
from undertow.models.sequence.training import first_weights
from undertow.models.sequence.windows import fit_scaler
from undertow.models.stacking import equal
from undertow.models.stage import BaseModel, Trained
from undertow.models.training import NETWORK_COLUMNS


def all_speak(framework: ModelIntegrationFramework) -> tuple[str, ...]:
    """Put every model that the features allow on the framework's last stage; names of those that were not there.

    What such a model says means nothing, and takes as long as what a taught one says: networks have weights by chance, as many members as
    the recipe teaches and as many columns as they may have; others are taught on the stage's sample with outcomes in turns.
    """
    stage, added = framework.stages[-1], []
    parts = dict(zip(stage.names, zip(stage.models, stage.reads, stage.speaks, strict=True), strict=True))
    for name in framework.names:
        reads = np.intersect1d(framework._reads[name], stage.columns)
        if name not in parts and len(reads):
            one: BaseModel = getattr(framework, name)()
            if isinstance(one, SequenceNetwork):
                reads = reads[:NETWORK_COLUMNS]
                one = _by_chance(one, stage, reads)
            else:
                X = stage.sample[:, reads]
                one = one.fit(X, np.arange(len(X)) % 2.0, np.ones(len(X)))
            parts[name] = one, reads, mark_of(getattr(framework, name)).phases or PHASES
            added.append(name)
    names = tuple(name for name in framework.names if name in parts)
    models, reads_of, speaks = zip(*(parts[name] for name in names), strict=True)
    who = np.array([[phase in phases for phases in speaks] for phase in PHASES])
    framework.stages[-1] = replace(stage, names=names, models=models, reads=reads_of, speaks=speaks, stack=equal(who, "all of them"))
    framework.stages[-1].odds(stage.sample)  # so that no tick waits for a compiler
    return tuple(added)


def _by_chance(network: SequenceNetwork, stage: Trained, reads: np.ndarray) -> SequenceNetwork:  # type: ignore[type-arg]
    scaler, members = fit_scaler(stage.sample[:, reads]), []
    for seed in network.recipe.seeds:
        member = dict(first_weights(network.shape, scaler.width, 0.0, seed))
        member["head/kernel"] = np.random.default_rng(seed).standard_normal(member["head/kernel"].shape).astype(np.float32)
        members.append(member)
    made = Network(shape=network.shape, scaler=scaler, members=tuple(members), across=network.across)
    return SequenceNetwork.unpack({**pack_network(made), "note": ""})
