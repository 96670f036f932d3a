r"""GAN: a conditional generative adversarial network (Goodfellow et al. 2014; Mirza & Osindero 2014).

The relativistic pair loss of R3GAN (Huang et al. 2024): the critic D raises f(D(y) − D(G(z))), the generator raises
f(D(G(z)) − D(y)), f(t) = −log(1 + e^−t), with the critic's squared gradient penalised at real and at drawn records
(R1 and R2; Mescheder et al. 2018); with both, that paper shows, the game converges.
The critic sees the fake detached, the generator sees a critic of detached parameters: two players, one scalar loss.

The generator is anchored by the energy score of two draws (Gneiting & Raftery 2007, equation 22), which only the true
law minimises: the critic sharpens what the anchor keeps in place. It is also what held-out data judge the generator by,
since an adversarial loss only tells who is winning. Categories and bits pass the critic by the straight-through
Gumbel-max estimator (Jang et al. 2017).
"""

from typing import ClassVar

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from sandbox.models.core import FLOOR, Head, Training
from sandbox.models.maps import Maps
from sandbox.models.nets import one_hot, pieces, uniform_from
from sandbox.spaces import Element

# Weight of the gradient penalties, and of the anchor.
PENALTY, ANCHOR = 0.02, 0.2
# What the generator would have drawn, when a record's surprise is measured.
SURPRISE_DRAWS = 16


class Gan(Head):
    """A generator of records, and a critic that it learned to please."""

    training_defaults: ClassVar[Training] = Training(learning_rate=2e-3, betas=(0.0, 0.9))

    def __init__(
        self,
        context_dim: int,
        elements: tuple[Element, ...],
        latent: int = 4,
        width: int = 128,
        maps: Maps | None = None,
    ) -> None:
        super().__init__(context_dim, elements, maps)
        self.latent = latent
        self.generator = self.build((width, width), seen=False, extra=latent, drawn=True)
        self.critic = self.build((width, width), seen=True, numbers=1)
        self.noise_dim = latent + self.analog.size - len(self.continuous)

    def loss(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """The critic's loss and the generator's, `(N,)`."""
        real, condition = self.analog.encode(target), context.detach()
        fake, other = self._draw(context, generator), self._draw(context, generator)
        seen = torch.cat([real, fake.detach()]).requires_grad_()
        score = self.critic(torch.cat([seen, condition.repeat(2, 1)], dim=-1))[:, 0]
        (slope,) = torch.autograd.grad(score.sum(), seen, create_graph=True)
        on_real, on_fake = score.chunk(2)
        steepness = torch.stack(slope.square().sum(-1).chunk(2)).sum(0)
        critic = functional.softplus(on_fake - on_real) + 0.5 * PENALTY * steepness
        frozen = {name: weight.detach() for name, weight in self.critic.named_parameters()}
        believed = functional_call(self.critic, frozen, (torch.cat([fake, condition], dim=-1),))[:, 0]
        player = functional.softplus(on_real.detach() - believed)
        return critic + player + ANCHOR * _energy_score(fake, other, real)

    def held_out_loss(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """The energy score of two draws, `(N,)`: how good the generator is, whatever its critic thinks."""
        one, two = self._draw(context, generator), self._draw(context, generator)
        return _energy_score(one, two, self.analog.encode(target))

    def surprise(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """How far records lie from what the generator would draw, in the spread of its draws, squared, `(N,)`.

        The critic itself is no judge of the unheard-of: it has learned to tell records from drawn ones, and what is
        unlike both it never saw (`docs/results/truth.md` has the figures of both).
        """
        noise = torch.stack([self._noise(context, generator) for _ in range(SURPRISE_DRAWS)])
        found = []
        for rows in pieces(len(context)):
            given = context[rows].repeat(SURPRISE_DRAWS, 1)
            drawn = self._generate(given, noise[:, rows].flatten(0, 1), 1.0).reshape(
                SURPRISE_DRAWS, -1, self.analog.size
            )
            distance = (drawn.mean(0) - self.analog.encode(target[rows])) / (drawn.std(0) + FLOOR)
            found.append(distance.square().sum(-1))
        return torch.cat(found)

    def sample(self, context: Tensor, noise: Tensor, temperature: float = 1.0) -> Tensor:
        """What the generator makes of the noise."""
        return self.analog.decode(self._generate(context, noise, temperature))

    def _draw(self, context: Tensor, generator: torch.Generator) -> Tensor:
        return self._generate(context, self._noise(context, generator), 1.0)

    def _noise(self, context: Tensor, generator: torch.Generator) -> Tensor:
        return torch.randn(len(context), self.noise_dim, generator=generator, device=context.device)

    def _generate(self, context: Tensor, noise: Tensor, temperature: float) -> Tensor:
        """An analog record `(N, size)` whose classes are exactly ±1, and differentiable nevertheless."""
        latent = noise[:, : self.latent] * temperature**0.5
        numbers, classes, bits = self.analog.split(self.generator(torch.cat([latent, context], dim=-1)))
        chance = uniform_from(noise[:, self.latent :])
        thrown, tossed = torch.split(chance, self.analog.sizes[1:], dim=-1)
        if self.analog.alike:
            hard = [_thrown(self.analog.each(classes), self.analog.each(thrown), temperature).flatten(-2)]
        else:
            each = zip(self.analog.each_class(classes), self.analog.each_class(thrown), strict=True)
            hard = [_thrown(logits, chances, temperature) for logits, chances in each]
        probability = torch.sigmoid(bits / temperature)
        flipped = (tossed < probability).to(probability.dtype)
        return torch.cat([numbers, *hard, 2 * (flipped - probability.detach() + probability) - 1], dim=-1)


def _thrown(logits: Tensor, chance: Tensor, temperature: float) -> Tensor:
    """A category by the Gumbel-max trick from uniform numbers, `(…, K)` each, as ±1 with the gradient of `logits`."""
    drawn = one_hot((logits / temperature - (-chance.log()).log()).argmax(-1), logits.shape[-1])
    soft = logits.softmax(-1)
    return 2 * (drawn - soft.detach() + soft) - 1


def _energy_score(one: Tensor, two: Tensor, truth: Tensor) -> Tensor:
    """E|X − y| − ½ E|X − X'| from one pair of draws, `(N,)`."""

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return ((a - b).square().sum(-1) + 1e-12).sqrt()

    return 0.5 * (distance(one, truth) + distance(two, truth) - distance(one, two))
