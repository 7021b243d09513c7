# SPDX-License-Identifier: GPL-3.0-or-later
"""Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon): momentum whose matrix is made
orthogonal by a Newton-Schulz iteration.  For the square-ish matrices inside the blocks; everything else
stays with AdamW.  The update is scaled to AdamW's usual size (arXiv 2502.16982), so both share one
learning rate and weight decay.
"""
import torch


def orthogonal(g):
    """The nearest (semi-)orthogonal matrices of a batch [B, rows, cols], approximately."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.bfloat16()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.transpose(1, 2).contiguous()
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        s = x @ x.transpose(1, 2)
        x = a * x + (b * s + c * (s @ s)) @ x
    return (x.transpose(1, 2) if tall else x).to(g.dtype)


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.95, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                if p.grad is not None:
                    shapes.setdefault(tuple(p.shape), []).append(p)
            for shape, params in shapes.items():
                momentum = group["momentum"]
                directions = []
                for p in params:
                    m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    m.lerp_(p.grad, 1 - momentum)
                    directions.append(p.grad.lerp(m, momentum))  # Nesterov
                updates = orthogonal(torch.stack(directions))
                size = 0.2 * max(shape) ** 0.5
                for p, update in zip(params, updates):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(update, alpha=-group["lr"] * size)
