"""PPO's update of a rollout (Schulman et al. 2017), step for step SB3's own, in about half its time.

A minibatch of 256 and two nets of two layers of 64 are so little arithmetic that SB3 spends most of an update
elsewhere: in distribution objects, in autograd's graph, in six numbers for the log, in walking the parameters one by
one. Here the gradient is written out, and the log tells of a rollout's last minibatch alone. Weights are SB3's up to
rounding.
"""

from typing import Any, NamedTuple

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from stable_baselines3.common.utils import explained_variance
from torch import Tensor

from .laws import law_of
from .waves import Waves


class Losses(NamedTuple):
    """What a minibatch says of the policy, each a scalar."""

    policy: Tensor
    value: Tensor
    entropy: Tensor
    divergence: Tensor  # from the policy that collected, by (r - 1) - log r (Schulman, "Approximating KL divergence")
    clipped: Tensor  # share of the samples whose ratio has left the clip range


class Net:
    """A plain multilayer perceptron of a policy, differentiated by hand: its parameters stay where they are."""

    def __init__(self, hidden: torch.nn.Sequential, last: torch.nn.Linear) -> None:
        self.linears = [layer for layer in (*hidden, last) if isinstance(layer, torch.nn.Linear)]
        self.bend = next((layer for layer in hidden if not isinstance(layer, torch.nn.Linear)), torch.nn.Identity())

    def forward(self, inputs: Tensor) -> list[Tensor]:
        """The ``inputs`` (N, D), what every layer makes of them, and at the end the outputs (N, K)."""
        known = [inputs]
        for layer in self.linears[:-1]:
            known.append(self.bend(torch.addmm(layer.bias, known[-1], layer.weight.t())))
        return [*known, torch.addmm(self.linears[-1].bias, known[-1], self.linears[-1].weight.t())]

    def backward(self, known: list[Tensor], change: Tensor) -> None:
        """Give every parameter its gradient, from that of the loss by the outputs, ``change`` (N, K)."""
        for depth in reversed(range(len(self.linears))):
            layer = self.linears[depth]
            layer.weight.grad, layer.bias.grad = change.t() @ known[depth], change.sum(0)
            if depth:
                change = self._unbend(change @ layer.weight, known[depth])

    def _unbend(self, change: Tensor, bent: Tensor) -> Tensor:
        """From the gradient by what the activation gave, to that by what it was given."""
        match self.bend:
            case torch.nn.Tanh():
                unbent = torch.ops.aten.tanh_backward(change, bent)
            case torch.nn.ReLU():
                unbent = torch.ops.aten.threshold_backward(change, bent, 0)
            case _:
                unbent = torch.ops.aten.elu_backward(change, 1.0, 1.0, 1.0, True, bent)
        assert isinstance(unbent, Tensor)
        return unbent


def is_plain(learner: PPO) -> bool:
    """Whether its policy is two perceptrons of fixed features, which ``update`` knows; others learn by SB3's own."""
    return isinstance(learner.policy.features_extractor, FlattenExtractor | Waves)


@torch.no_grad()
def update(learner: PPO) -> None:
    """Learn from the rollout in the learner's buffer: ``n_epochs`` passes, fewer once ``target_kl`` is passed."""
    policy: Any = learner.policy
    buffer: Any = learner.rollout_buffer
    learner._update_learning_rate(policy.optimizer)
    clip_range: float = learner.clip_range(learner._current_progress_remaining)  # type: ignore[operator]
    layers = policy.mlp_extractor
    nets = Net(layers.policy_net, policy.action_net), Net(layers.value_net, policy.value_net)
    parameters = list(policy.parameters())
    for _ in range(learner.n_epochs):
        learner._n_updates += 1
        for batch in buffer.get(learner.batch_size, policy.features_extractor):
            losses = _differentiate(learner, *nets, batch, clip_range)
            if learner.target_kl is not None and losses.divergence > 1.5 * learner.target_kl:
                _record(learner, losses, clip_range)
                return
            shorten([parameter.grad for parameter in parameters], learner.max_grad_norm)
            policy.optimizer.step()
    _record(learner, losses, clip_range)


def _differentiate(learner: PPO, actor: Net, critic: Net, batch: RolloutBufferSamples, clip_range: float) -> Losses:
    """PPO's clipped objective (equations 7 and 9 of the paper) of N samples, and its gradient in the parameters."""
    advantages, count = batch.advantages, len(batch.advantages)
    if learner.normalize_advantage and count > 1:
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    seen, valued = actor.forward(batch.observations), critic.forward(batch.observations)
    log_std = getattr(learner.policy, "log_std", None)
    law = law_of(learner.action_space, seen[-1], log_std, batch.actions)
    log_ratio = law.log_prob - batch.old_log_prob
    ratio = log_ratio.exp()
    near = ratio.clamp(1.0 - clip_range, 1.0 + clip_range)
    gain = advantages * ratio
    worst = torch.minimum(gain, advantages * near)
    error = valued[-1] - batch.returns[:, None]

    # Where the clipped side is the smaller one nothing changes with the policy.
    by_log_prob = torch.where(gain > worst, 0.0, gain) / -count
    change = by_log_prob[:, None] * law.gradient
    if learner.ent_coef:
        change -= law.entropy_gradient * (learner.ent_coef / count)
    actor.backward(seen, change)
    critic.backward(valued, error * (2.0 * learner.vf_coef / count))
    if law.by_log_std is not None and log_std is not None:
        log_std.grad = by_log_prob @ law.by_log_std - learner.ent_coef  # an entropy grows as the logarithm does
    return Losses(
        -worst.mean(),
        error.square().mean(),
        law.entropy.mean(),
        (ratio - 1.0 - log_ratio).mean(),
        (ratio != near).float().mean(),
    )


def shorten(gradients: list[Tensor], longest: float) -> None:
    """Scale gradients in place to at most the length ``longest`` of all together, as ``clip_grad_norm_`` does."""
    length = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    torch._foreach_mul_(gradients, (longest / (length + 1e-6)).clamp(max=1.0))


def _record(learner: PPO, losses: Losses, clip_range: float) -> None:
    """Log, by SB3's names, the rollout's last minibatch."""
    buffer, log = learner.rollout_buffer, learner.logger
    log.record("train/entropy_loss", -losses.entropy.item())
    log.record("train/policy_gradient_loss", losses.policy.item())
    log.record("train/value_loss", losses.value.item())
    log.record("train/approx_kl", losses.divergence.item())
    log.record("train/clip_fraction", losses.clipped.item())
    log.record("train/explained_variance", explained_variance(buffer.values.flatten(), buffer.returns.flatten()))
    if hasattr(learner.policy, "log_std"):
        log.record("train/std", learner.policy.log_std.exp().mean().item())
    log.record("train/n_updates", learner._n_updates, exclude="tensorboard")
    log.record("train/clip_range", clip_range)
