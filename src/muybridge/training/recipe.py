"""What is trained and how, as data: the contract between a method and the engine.

A recipe is a list of stages. A :class:`Stage` trains: its settings stand here, and its
``prepare`` builds the live things (a :class:`Trainee`) when its turn comes, so that it can
use what earlier stages have left. A :class:`Work` stage makes files (renders, caches).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from muybridge.errors import InputError
from muybridge.training.draws import Draws
from muybridge.training.muon import Muon
from muybridge.training.state import decayed_groups

Batch = dict[str, Any]
"""Tensors by name whose first axis is the items; anything else is passed on as it is."""


@runtime_checkable
class Sampler(Protocol):
    """Gives the items of a step. Item ``i`` of step ``n`` is a pure function of (n, i)."""

    def __call__(self, step: int, indices: Sequence[int]) -> Batch:
        """The items ``indices`` (numbers within the global batch) of step ``step``, stacked.

        Seeds come from ``context.seed`` and ``context.stage``, see
        :func:`muybridge.training.draws.generator_of` and
        :class:`muybridge.training.draws.Shuffle`. Called from another thread where the
        stage has ``workers``.
        """


@runtime_checkable
class Loss(Protocol):
    """The loss of some items."""

    def __call__(
        self, module: Any, batch: Batch, draws: Draws
    ) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        """A scalar, the mean over the items, and further scalars for the log (means too).

        ``module`` is the trainee's own, on its device, in training mode; noise comes from
        ``draws`` alone.
        """


@dataclass(frozen=True)
class Validation:
    """How good the averaged weights are.

    Attributes:
        scores: numbers by name.
        plate: a picture RGB in [0, 1], or none.
    """

    scores: Mapping[str, float] = field(default_factory=dict)
    plate: Float[Tensor, "3 H W"] | None = None


@dataclass(frozen=True)
class Trainee:
    """The live things of a training stage.

    Attributes:
        module: everything that is trained; parameters that take no part in this stage have
            ``requires_grad`` false (a trained one that gets no gradient is refused).
            Only names in its ``state_dict()`` are saved.
        sampler: gives the items; see :class:`Sampler`.
        loss: see :class:`Loss`.
        export: ``export(module, folder)`` writes the stage's result in the method's own
            format into an empty folder; the module holds the averaged weights and is in
            evaluation mode, on its device.
        validate: ``validate(module, step)``, likewise on averaged weights; must draw from
            generators of its own, and may be left out.
        digests: fingerprints of what it is trained on, for the record; a run is gone on with
            only where they are the same.
    """

    module: nn.Module
    sampler: Sampler
    loss: Loss
    export: Callable[[Any, Path], None]
    validate: Callable[[Any, int], Validation] | None = None
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What a stage is told when its turn comes.

    Attributes:
        out: the run's folder.
        stage: the stage's name.
        seed: of the run.
        device: where it is trained.
        data: the folder of ``--data``, if any.
        init: the weights of ``--init``, if any.
        rank, processes: which of how many processes this is.
    """

    out: Path
    stage: str
    seed: int = 0
    device: torch.device = torch.device("cpu")
    data: Path | None = None
    init: Path | None = None
    rank: int = 0
    processes: int = 1

    def folder(self, stage: str = "") -> Path:
        """Where a stage's files lie (its export, or what a work stage makes); own by default."""
        return self.out / "stages" / (stage or self.stage) / "files"

    def weights(self, stage: str, averaged: bool = True) -> dict[str, Tensor]:
        """State of the module at the end of an earlier training stage, float32, on the CPU.

        Args:
            stage: its name.
            averaged: the averaged weights (EMA), or the last ones.
        """
        from safetensors.torch import load_file

        name = "averaged" if averaged else "module"
        return load_file(self.out / "stages" / stage / f"{name}.safetensors")


Tell = Callable[[float, str], None]
"""``tell(done, text)`` with ``done`` in 0..1; raises ``KeyboardInterrupt`` on a stop."""


@dataclass(frozen=True)
class Optimizer:
    """AdamW; or Muon for matrices and AdamW for the rest.

    Attributes:
        lr: the highest rate.
        betas, eps, weight_decay: AdamW's; decay acts on matrices and kernels only, not on
            biases and norms.
        clip: largest norm of the gradient; 0 does not clip.
        muon: ``None`` is AdamW for all. Else :class:`~muybridge.training.muon.Muon` takes the
            matrices, but those with one of these texts in their names.
        shares: of the rate, by what parameters' names begin with; all of it for others.
    """

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    eps: float = 1e-8
    weight_decay: float = 0.01
    clip: float = 1.0
    muon: tuple[str, ...] | None = None
    shares: Mapping[str, float] = field(default_factory=dict)

    def over(self, module: nn.Module) -> torch.optim.Optimizer:
        """The optimizer of what is trained of a module.

        Raises:
            ValueError: nothing is.
        """
        named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        groups = [
            group | {"share": share}
            for share in sorted({self._share(name) for name, _ in named}, reverse=True)
            for group in decayed_groups(
                [(name, p) for name, p in named if self._share(name) == share], self.weight_decay
            )
        ]
        if not groups:
            raise ValueError("there is nothing to train")
        if self.muon is None:
            return torch.optim.AdamW(groups, lr=self.lr, betas=self.betas, eps=self.eps)
        plain = [p for name, p in named if any(text in name for text in self.muon)]
        return Muon(groups, self.lr, self.betas, self.eps, plain)

    def _share(self, name: str) -> float:
        """Of the rate, for a parameter."""
        return next((s for part, s in self.shares.items() if name.startswith(part)), 1.0)


@dataclass(frozen=True)
class Schedule:
    """How the rate changes over a stage.

    Attributes:
        warmup: steps over which it rises from 0.
        decay: last share of the stage over which it falls to 0 (half a cosine), 0..0.9.
    """

    warmup: int = 100
    decay: float = 0.5


@dataclass(frozen=True)
class Stage:
    """A stage that trains.

    Attributes:
        name: letters, digits, ``-`` and ``_``; names folders.
        share: of the run's budget, relative to the other stages' shares.
        prepare: builds its :class:`Trainee`; the module's first weights must follow from
            ``context.seed``.
        batch: items in a step, over all processes.
        micro: items in a forward pass of one process; 0 is all (else gradients accumulate).
        optimizer, schedule: see there.
        ema: decay of the averaged weights, min(ema, (1 + n) / (12 + n)) at step n.
        workers: threads that fetch the next items meanwhile; 0 fetches between the steps.
        sketch: builds the module without data, for ``--dry-run``; it is called on the meta
            device.
        step_seconds: what a step takes on two CPU cores, for ``--dry-run``; 0 is unknown.
        of: plain values that its weights follow from besides these settings, the data, the seed
            and the stages before: the networks' config. Where they are told, a run takes over a
            finished stage of another, see :func:`muybridge.training.sharing.take_stages`.
    """

    name: str
    share: float
    prepare: Callable[[Context], Trainee]
    batch: int = 8
    micro: int = 0
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    ema: float = 0.999
    workers: int = 0
    sketch: Callable[[], nn.Module] | None = None
    step_seconds: float = 0.0
    of: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_name(self.name)
        o, s = self.optimizer, self.schedule
        for name, value, holds in (
            ("share", self.share, self.share > 0),
            ("batch", self.batch, self.batch >= 1),
            ("micro", self.micro, 0 <= self.micro <= self.batch),
            ("lr", o.lr, 0 < o.lr < 1e3),
            ("betas", o.betas, all(0 <= b < 1 for b in o.betas)),
            ("weight_decay", o.weight_decay, o.weight_decay >= 0),
            ("clip", o.clip, o.clip >= 0),
            ("shares", dict(o.shares), all(0 < share <= 1 for share in o.shares.values())),
            ("warmup", s.warmup, s.warmup >= 0),
            ("decay", s.decay, 0 <= s.decay <= 0.9),
            ("ema", self.ema, 0 <= self.ema < 1),
            ("workers", self.workers, 0 <= self.workers <= 64),
        ):
            if not holds:
                raise InputError(f"stage {self.name}", name, f"is {value}", "correct the recipe")


@dataclass(frozen=True)
class Work:
    """A stage that makes files and trains nothing.

    Attributes:
        name: as of :class:`Stage`.
        share: of the budget; what it takes more or less goes off or to the later stages.
            With a budget in steps it counts nothing.
        work: ``work(context, tell)`` fills ``context.folder()``, which it finds as an earlier
            broken-off call has left it: files that are there whole are not made again. Every
            process calls it; ``context.rank`` says which part to make.
    """

    name: str
    share: float
    work: Callable[[Context, Tell], None]

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.share < 0:
            raise InputError(f"stage {self.name}", "share", f"is {self.share}",
                             "correct the recipe")


@dataclass(frozen=True)
class Recipe:
    """How a size of a method is trained.

    Attributes:
        name: of the method.
        size: of its sizes.
        stages: in order; at least one trains.
        finish: ``finish(context, folder)`` puts together what ships, from
            ``context.folder(stage)`` of all stages, in an empty folder (``OUT/weights``);
            the files of the last training stage ship where it is left out.
        needs_data, takes_init: whether ``--data`` must and ``--init`` may be given.
        version: raised where a change makes older unfinished runs unfit to go on with.
    """

    name: str
    size: str
    stages: tuple[Stage | Work, ...]
    finish: Callable[[Context, Path], None] | None = None
    needs_data: bool = False
    takes_init: bool = False
    version: int = 1

    def __post_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise InputError(f"recipe {self.name}", "stages", f"{names} has a name twice",
                             "rename one")
        if not any(isinstance(stage, Stage) for stage in self.stages):
            raise InputError(f"recipe {self.name}", "stages", "none of them trains",
                             "add a Stage")

    def describe(self) -> dict[str, Any]:
        """Plain values that say what is trained and how; two runs of one recipe have the same."""
        return {
            "name": self.name, "size": self.size, "version": self.version,
            "stages": [_plain(stage) for stage in self.stages],
        }


def _plain(stage: Stage | Work) -> dict[str, Any]:
    """Settings of a stage that bear on its weights."""
    kept: dict[str, Any] = {"kind": "train" if isinstance(stage, Stage) else "work"}
    for item in fields(stage):
        value = getattr(stage, item.name)
        if isinstance(value, Optimizer | Schedule):
            kept[item.name] = {k: list(v) if isinstance(v, tuple) else v
                               for k, v in asdict(value).items() if v is not None}
        elif item.name == "of":
            kept |= {"of": json.loads(json.dumps(value))} if value else {}
        elif not callable(value) and item.name not in ("sketch", "step_seconds", "workers"):
            kept[item.name] = value
    return kept


def _check_name(name: str) -> None:
    if not name or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise InputError("recipe", "stage", f"{name!r} is no name of a stage",
                         "use letters, digits, - and _")
