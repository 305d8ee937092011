"""Muon: steps of matrices made orthogonal, which small transformers learn sooner by than by AdamW.

Momentum of a matrix is replaced by the nearest orthogonal one (Jordan and others 2024; the factor
that lets rates of AdamW stand is of arXiv 2502.16982), so that all its directions are learnt at
one pace. ``torch.optim.Muon`` has matrices only, one after the other, and computes in bfloat16,
which processors without it do sixty times slower; here matrices of a shape go through together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the polynomial by which singular values come near 1."""
_ROUNDS = 5


def orthogonal(matrices: Float[Tensor, "N A B"]) -> Float[Tensor, "N A B"]:
    """Matrices with singular values of about 1 (0.7 to 1.2) in place of their own.

    Args:
        matrices: of any scale; zeros stay.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    # every round multiplies from the left by a polynomial of x x', all of which commute: they are
    # gathered on the shorter side, and the long one is met twice only
    gram = x @ x.mT
    eye = torch.eye(gram.shape[-1]).to(gram)
    a, b, c = _COEFFICIENTS

    def factor() -> Tensor:
        return a * eye + b * gram + c * gram @ gram

    gathered = latest = factor()
    for _ in range(_ROUNDS - 1):
        gram = latest @ latest @ gram
        latest = factor()
        gathered = latest @ gathered
    x = gathered @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for matrices, AdamW for what else there is.

    Args:
        groups: parameters with ``weight_decay`` each. Those with two dimensions or more are
            matrices (kernels are flattened behind their first one), but for those named.
        lr: of both; a matrix's step has the root mean square of AdamW's, about 0.2 ``lr``.
        betas, eps: AdamW's; the first one is also Muon's momentum (Nesterov's).
        plain: matrices that AdamW takes, such as embeddings and what makes the output.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], lr: float, betas: tuple[float, float],
        eps: float, plain: Iterable[nn.Parameter] = (),
    ) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": 0.0})
        self._plain = {id(parameter) for parameter in plain}

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """See :class:`torch.optim.Optimizer`; no closure is called."""
        for group in self.param_groups:
            alike: dict[tuple[int, int], list[nn.Parameter]] = {}
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                if parameter.ndim >= 2 and id(parameter) not in self._plain:
                    shape = (parameter.shape[0], parameter[0].numel())
                    alike.setdefault(shape, []).append(parameter)
                else:
                    self._adam(parameter, group)
            for shape, parameters in alike.items():
                self._muon(parameters, shape, group)

    def _adam(self, parameter: nn.Parameter, group: dict[str, Any]) -> None:
        """AdamW's step of one parameter."""
        gradient, state, (first, second) = parameter.grad, self.state[parameter], group["betas"]
        assert gradient is not None
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        count = float(state["step"])
        state["exp_avg"].lerp_(gradient, 1 - first)
        state["exp_avg_sq"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        size = (state["exp_avg_sq"] / (1 - second**count)).sqrt_().add_(group["eps"])
        parameter.addcdiv_(state["exp_avg"], size, value=-group["lr"] / (1 - first**count))

    def _muon(
        self, parameters: list[nn.Parameter], shape: tuple[int, int], group: dict[str, Any]
    ) -> None:
        """Muon's step of matrices of one shape."""
        first, updates = group["betas"][0], []
        for parameter in parameters:
            state, gradient = self.state[parameter], parameter.grad
            assert gradient is not None
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            state["momentum"].lerp_(gradient, 1 - first)
            # however small, what is left of momentum would be stepped along at full length
            going = gradient.any().to(gradient)
            updates.append(going * gradient.lerp(state["momentum"], first).reshape(shape))
        steps = orthogonal(torch.stack(updates).float())
        rate = group["lr"] * 0.2 * max(shape) ** 0.5
        for parameter, step in zip(parameters, steps, strict=True):
            parameter.sub_(step.reshape(parameter.shape).to(parameter.dtype), alpha=rate)
