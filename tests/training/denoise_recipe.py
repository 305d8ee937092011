"""A small real recipe: a convolutional net learns to take noise off striped discs."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from muybridge.training import (
    Context,
    Optimizer,
    Recipe,
    Schedule,
    Shuffle,
    Stage,
    Trainee,
    Validation,
    Work,
    generator_of,
)

SIDE = 12
COUNT = 24


class Denoiser(nn.Module):
    """Takes the noise off; a dropout tells whether a run's own randomness repeats."""

    def __init__(self, width: int = 8, dropout: float = 0.0) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.SiLU(), nn.Dropout(dropout),
            nn.Conv2d(width, width, 3, padding=1), nn.SiLU(),
        )
        self.head = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x):
        return x + self.head(self.body(x))


def picture(number: int) -> torch.Tensor:
    """Disc ``number``, [3, SIDE, SIDE] in 0..1."""
    g = generator_of("picture", number)
    x, y, r, angle = torch.rand(4, generator=g).tolist()
    colours = torch.rand(2, 3, 1, 1, generator=g)
    v, u = torch.meshgrid(*[torch.linspace(0, 1, SIDE)] * 2, indexing="ij")
    disc = ((u - x) ** 2 + (v - y) ** 2 < (0.2 + 0.3 * r) ** 2).float()
    stripe = (((u * angle + v * (1 - angle)) * 6).floor() % 2)
    return 0.5 + disc * (colours[0] * stripe + colours[1] * (1 - stripe) - 0.5)


def loss(module, batch, draws):
    clean = batch["picture"]
    sigma = 0.1 + 0.4 * draws.uniform(1, 1, 1)
    made = module(clean + sigma * draws.normal(*clean.shape[1:]))
    error = (made - clean).square().mean()
    return error, {"l1": (made - clean).abs().mean()}


def validate(module, step):
    clean = torch.stack([picture(COUNT + k) for k in range(4)])
    noisy = clean + 0.3 * torch.randn(clean.shape, generator=generator_of("held out"))
    made = module(noisy)
    rows = torch.cat([torch.cat(list(x), 2) for x in (clean, noisy, made)], 1)
    return Validation({"mse": float((made - clean).square().mean())}, rows.clamp(0, 1))


def export(module, folder: Path) -> None:
    save_file(module.state_dict(), folder / "denoiser.safetensors")


class Pictures:
    """The sampler; ``wait`` makes a step take that long."""

    def __init__(self, context: Context, batch: int, wait: float = 0.0) -> None:
        self.order = Shuffle(COUNT, batch, context.seed, context.stage)
        self.wait = wait

    def __call__(self, step, indices):
        time.sleep(self.wait)
        return {"picture": torch.stack([picture(self.order(step, i)) for i in indices])}


def denoising(
    *, batch: int = 4, micro: int = 0, dropout: float = 0.0, wait: float = 0.0, work: bool = False,
    lr: float = 3e-3, workers: int = 0, objective=loss, warmup: int = 5,
) -> Recipe:
    """Two training stages, the second from the first's weights, and a work stage between."""

    def first(context: Context) -> Trainee:
        return Trainee(Denoiser(dropout=dropout), Pictures(context, batch, wait), objective,
                       export, validate, {"pictures": "painted"})

    def second(context: Context) -> Trainee:
        module = Denoiser()
        module.load_state_dict(context.weights("coarse"))
        module.body.requires_grad_(False)
        return Trainee(module, Pictures(context, batch, wait), objective, export, validate)

    def paint(context: Context, tell) -> None:
        for k in range(8):
            path = context.folder() / f"{k}.safetensors"
            if not path.exists():
                save_file({"picture": picture(k)}, path)
                with (context.out / "painted.txt").open("a") as told:
                    told.write(f"{k}\n")
            tell((k + 1) / 8, path.name)

    settings = dict(
        batch=batch, micro=micro, optimizer=Optimizer(lr=lr), workers=workers, ema=0.9,
        schedule=Schedule(warmup, 0.5), sketch=Denoiser, step_seconds=0.01,
    )
    stages: list[Stage | Work] = [Stage("coarse", 3.0, first, **settings)]
    if work:
        stages.append(Work("paint", 1.0, paint))
    stages.append(Stage("fine", 1.0, second, **settings))
    return Recipe("denoise", "nano", tuple(stages))


def recipe(size: str) -> Recipe:
    """What a method would name as its recipe."""
    made = denoising(work=True, objective=lambda *a: loss(*a))
    return Recipe("denoise", size, made.stages)


class Stopping:
    """The loss; a Ctrl-C comes while it is computed for the ``count``-th time."""

    def __init__(self, count: int) -> None:
        self.left, self.loss = count, loss

    def __call__(self, module, batch, draws):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)
        return self.loss(module, batch, draws)


def state(folder: Path) -> dict[str, torch.Tensor]:
    """Every tensor that a finished run has left, by file and name."""
    found = {}
    for path in sorted(folder.rglob("*.safetensors")):
        for name, value in load_file(path).items():
            found[f"{path.relative_to(folder)}:{name}"] = value
    return found


def main() -> None:
    """Train in a process of its own; settings stand in the environment."""
    from muybridge.training import Options, parse_budget, parse_cadence, train

    torch.set_num_threads(1)
    env = os.environ
    train(
        denoising(batch=4, dropout=float(env.get("DROPOUT", 0)), wait=float(env.get("WAIT", 0))),
        Path(env["OUT"]), parse_budget(env.get("BUDGET", "40steps")), seed=3,
        resume="RESUME" in env, threads=1,
        options=Options(device="cpu", log_every=1, checkpoint=parse_cadence("7steps", "")),
    )


if __name__ == "__main__":
    main()
