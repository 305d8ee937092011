"""Networks of 3DiMo of a size for tests, on linear latents as nano has them."""

from __future__ import annotations

import dataclasses

import torch
from methods.gas_small import pictures

from muybridge.body.skeleton import JOINTS
from muybridge.camera.script import Move, Script, Step
from muybridge.methods.threedimo.clips import Clips
from muybridge.methods.threedimo.config import NANO, ThreeDimoConfig
from muybridge.methods.threedimo.corpus import Scene
from muybridge.methods.threedimo.networks import Driver, ThreeDimoNetworks
from muybridge.methods.threedimo.words import encoded
from muybridge.networks.linear_autoencoder import LinearAutoencoder

WIDTH, HEIGHT, HAND, FRAMES = 16, 24, 16, 4
STILL = Script(0.0, 5.0, ())
TRAVELLING = Script(90.0, 5.0, (Step((Move("arc", 1, 60.0),)),))


def small_config(**changes) -> ThreeDimoConfig:
    """Nano with one layer of each kind and 8 latent channels, for pictures of 16 x 24."""
    config = dataclasses.replace(
        NANO, size="small", width=WIDTH, height=HEIGHT,
        transformer={
            **NANO.transformer, "num_attention_heads": 2, "attention_head_dim": 16,
            "in_channels": 8 + 20 + 8, "out_channels": 8, "text_dim": 16, "freq_dim": 16,
            "ffn_dim": 32, "num_layers": 2, "motion_dim": 16, "grid": (FRAMES + 1, 3, 2),
        },
        motion={
            **NANO.motion, "width": WIDTH, "height": HEIGHT, "hand": HAND, "dim": 16, "layers": 1,
            "hand_layers": 1, "heads": 2, "tokens": 2, "patch": 8, "stem": (16, 16, 16),
            "hand_stem": (16, 16, 16),
        },
        decoder={"dim": 16, "tokens": 6, "hidden": 32},
        text={"width": 16, "layers": 1, "heads": 2},
        layout={
            **NANO.layout, "tokens": 6, "dim": 16, "text_dim": 16, "frames": FRAMES,
            "rows": HEIGHT // 4, "columns": WIDTH // 4, "channels": 20, "hidden": 32, "width": 8,
        },
        reader={
            "width": WIDTH, "height": HEIGHT, "widths": (8, 8, 16), "blocks": (1, 1),
        },
        autoencoder={**NANO.autoencoder, "latent_channels": 8},
        window=FRAMES, overlap=1, decode_together=4,
    )
    return dataclasses.replace(config, **changes)


def unmoved_config() -> ThreeDimoConfig:
    """The same without moving the reference, which untrained networks then give back."""
    known = small_config()
    return dataclasses.replace(
        known, moved=False, transformer={**known.transformer, "in_channels": 8 + 20}
    )


def small_networks(seed: int = 0, config: ThreeDimoConfig | None = None) -> ThreeDimoNetworks:
    """Untrained: they give back the reference, moved."""
    config = config or small_config()
    seen = pictures(8, height=HEIGHT, width=WIDTH, seed=1)
    vae = LinearAutoencoder.fit(seen * 2 - 1, latent_channels=8)
    return ThreeDimoNetworks.new(config, vae, seed).eval()


def awake(networks: ThreeDimoNetworks, spread: float = 0.05, seed: int = 7) -> ThreeDimoNetworks:
    """Networks that do something: nothing is zero any more."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in networks.named_parameters():
            if not name.startswith("vae."):
                parameter.add_(spread * torch.randn(parameter.shape, generator=generator))
    return networks


def driver(frames: int = FRAMES, samples: int = 1, seed: int = 3) -> Driver:
    """Blobs with hands of noise, all seen, and whatever else may drive."""
    generator = torch.Generator().manual_seed(seed)
    lead = (samples, frames)
    return Driver(
        pictures(*lead, height=HEIGHT, width=WIDTH, seed=seed),
        torch.rand(*lead, 2, 3, HAND, HAND, generator=generator),
        torch.ones(*lead, 2, dtype=torch.bool),
        torch.randn(*lead, len(JOINTS) - 4, 6, generator=generator),
        torch.rand(*lead, 3, HEIGHT, WIDTH, generator=generator),
    )


def scene(seed: int = 0, name: str = "somebody") -> Scene:
    """Blobs seen by four cameras, every second of which travels; frame 0 of view v is seen
    with a matte of its own. Rotations are noise."""
    known = driver(FRAMES, 4, seed)
    scripts = [STILL, TRAVELLING, Script(180.0, 5.0, ()), TRAVELLING]
    words, amounts = encoded(scripts)
    said = Script(30.0, 0.0, ()), Script(60.0, 5.0, (Step((Move("truck", -1, 0.5),)),))

    def as_bytes(values: torch.Tensor) -> torch.Tensor:
        return (values * 255).round().to(torch.uint8)

    assert known.hands is not None and known.seen is not None
    assert known.skeleton is not None and known.rotations is not None
    return Scene(
        name, as_bytes(pictures(height=HEIGHT, width=WIDTH, seed=seed + 50)),
        0.5 * torch.randn(22, 3, generator=torch.Generator().manual_seed(seed + 9)),
        as_bytes(known.pictures), as_bytes(known.skeleton),
        0.5 * torch.randn(4, FRAMES, 22, 3, generator=torch.Generator().manual_seed(seed)),
        as_bytes(known.hands), known.seen,
        known.rotations[0].half(), words, amounts, torch.tensor([False, True, False, True]),
        torch.eye(3) + 0.2 * torch.randn(
            FRAMES, 3, 3, generator=torch.Generator().manual_seed(seed + 6)
        ),
        torch.tensor([0.0, 0.5, 1.0, 1.5]), torch.tensor(
            [[0.0, -0.5, -1.0, -1.5], [-1.6, -2.1, -2.6, -3.1], [3.0, 2.5, 2.0, 1.5],
             [-1.6, -1.9, -2.2, -2.5]]
        ),
        *encoded(said),
        0.5 * torch.randn(2, FRAMES, 22, 3, generator=torch.Generator().manual_seed(seed + 5)),
    )


def clips_of(context, cross=0.5, moving=0.5, **options):
    """A sampler over two people."""
    return Clips([scene(0), scene(1, "other")], context, 8, cross, moving, **options)
