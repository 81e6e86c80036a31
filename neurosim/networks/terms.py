"""Contributions to the drive of coupled layers, their derivatives, and the transposes of these."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from neurosim.backend import Array
from neurosim.networks.frozen_kernel import FrozenKernel
from neurosim.networks.kernel_path import KernelPath
from neurosim.networks.product import product


class Held(Protocol):
    """What several contributions share within one evaluation."""

    def renew(self) -> None:
        """Forget it: the activity has changed."""
        ...


class Contribution(Protocol):
    """One contribution to the drive of the layer whose columns are `post`, as a function of the activity."""

    @property
    def post(self) -> slice:
        """Columns of the layer that it drives."""
        ...

    @property
    def products(self) -> int:
        """Multiply-adds of one evaluation per sample."""
        ...

    @property
    def held(self) -> Held | None:
        """What it shares with other contributions within one evaluation, or None."""
        ...

    def write(self, a: Array, out: Array) -> None:
        """Set ``out[:, post]`` to the contribution at activity `a` (batch, nodes)."""
        ...

    def add(self, a: Array, out: Array) -> None:
        """Add the contribution at activity `a` to ``out[:, post]``."""
        ...


class Coupling(Contribution, Protocol):
    """A contribution whose derivative is known. Derivatives are linear in the activity they read.

    With `held` the pools of kernels stay as they stand at `a`, and what their change adds is left out.
    """

    def tangent(self, a: Array, *, held: bool = False) -> tuple[Contribution, ...]:
        """Return the contributions of ``d contribution / d a`` at activity `a`."""
        ...

    def transposed(self, a: Array, *, held: bool = False) -> tuple[Contribution, ...]:
        """Return the contributions of ``(d contribution / d a)^T`` at activity `a`, for the adjoint."""
        ...


@dataclass(frozen=True, slots=True)
class Term:
    """A dense array: ``drive[:, post] += a[:, pre] @ weights``."""

    pre: slice
    post: slice
    weights: Array
    held: None = None

    @property
    def products(self) -> int:
        """Multiply-adds of one evaluation per sample."""
        return int(self.weights.shape[0] * self.weights.shape[1])

    def write(self, a: Array, out: Array) -> None:
        """Set ``out[:, post]``."""
        product(a[:, self.pre], self.weights, out=out[:, self.post])

    def add(self, a: Array, out: Array) -> None:
        """Add to ``out[:, post]``."""
        out[:, self.post] += product(a[:, self.pre], self.weights)

    def tangent(self, a: Array, *, held: bool = False) -> tuple[Contribution, ...]:
        """Return the array itself."""
        return (self,)

    def transposed(self, a: Array, *, held: bool = False) -> tuple[Contribution, ...]:
        """Return the transposed array."""
        return (Term(self.post, self.pre, self.weights.T),)


@dataclass(frozen=True, slots=True)
class OneToOne:
    """Wires between two layers of equal size: ``drive[:, post] += gain a[:, pre]``."""

    pre: slice
    post: slice
    gain: float
    held: None = None

    @property
    def products(self) -> int:
        """Multiply-adds of one evaluation per sample."""
        return int(self.pre.stop - self.pre.start)

    def write(self, a: Array, out: Array) -> None:
        """Set ``out[:, post]``."""
        out[:, self.post] = self.gain * a[:, self.pre]

    def add(self, a: Array, out: Array) -> None:
        """Add to ``out[:, post]``."""
        out[:, self.post] += self.gain * a[:, self.pre]

    def tangent(self, a: Array, *, held: bool = False) -> tuple[Contribution, ...]:
        """Return the wires themselves."""
        return (self,)

    def transposed(self, a: Array, *, held: bool = False) -> tuple[Contribution, ...]:
        """Return the wires the other way."""
        return (OneToOne(self.post, self.pre, self.gain),)


@dataclass(frozen=True, slots=True)
class _Read(ABC):
    """A read of a kernel array: ``drive[:, post] += read(a)``."""

    held: KernelPath | FrozenKernel
    pre: slice
    post: slice

    @property
    def products(self) -> int:
        """Multiply-adds of one evaluation per sample."""
        return int(self.held.products)

    @abstractmethod
    def value(self, a: Array) -> Array:
        """Return the contribution, (batch, nodes of the layer that it drives)."""

    def write(self, a: Array, out: Array) -> None:
        """Set ``out[:, post]``."""
        out[:, self.post] = self.value(a)

    def add(self, a: Array, out: Array) -> None:
        """Add to ``out[:, post]``."""
        out[:, self.post] += self.value(a)


class Ahead(_Read):
    """The forward read of a kernel array: ``drive[:, post] += P(conv(a[:, pre]))``."""

    __slots__ = ()
    held: KernelPath

    def value(self, a: Array) -> Array:
        """Return the pooled convolution."""
        return self.held.ahead(a[:, self.pre])

    def tangent(self, a: Array, *, held: bool = False) -> tuple[Contribution, ...]:
        """Return the forward read with the slopes of the pool at `a`."""
        frozen = FrozenKernel(self.held, a[:, self.pre], a[:, self.post], transposed=False)
        return (Linear(frozen, self.pre, self.post, frozen.gather),)

    def transposed(self, a: Array, *, held: bool = False) -> tuple[Contribution, ...]:
        """Return the backward read through the forward array, the pool being that at `a`."""
        frozen = FrozenKernel(self.held, a[:, self.pre], a[:, self.post])
        return (Linear(frozen, self.post, self.pre, frozen.spread),)


class Back(_Read):
    """The backward read: ``drive[:, post] += conv^T(unpool(a[:, pre]))``, the pool being that at ``a[:, post]``."""

    __slots__ = ()
    held: KernelPath

    def value(self, a: Array) -> Array:
        """Return the activity of the layer ahead, read back."""
        return self.held.back(a[:, self.post], a[:, self.pre])

    def tangent(self, a: Array, *, held: bool = False) -> tuple[Contribution, ...]:
        """Return the backward read with the slopes of the pool at `a`, and what the change of these slopes adds."""
        frozen = FrozenKernel(self.held, a[:, self.post], a[:, self.pre], transposed=False)
        spread = Linear(frozen, self.pre, self.post, frozen.spread)
        return (spread,) if held or not frozen.curved else (spread, Linear(frozen, self.post, self.post, frozen.bend))

    def transposed(self, a: Array, *, held: bool = False) -> tuple[Contribution, ...]:
        """Return the forward read with the slopes of the pool at `a`, and what the change of these slopes adds."""
        frozen = FrozenKernel(self.held, a[:, self.post], a[:, self.pre])
        gather = Linear(frozen, self.post, self.pre, frozen.gather)
        return (gather,) if held or not frozen.curved else (gather, Linear(frozen, self.post, self.post, frozen.bend))


@dataclass(frozen=True, slots=True)
class Linear(_Read):
    """A contribution to a derivative or an adjoint: ``drive[:, post] += function(a[:, pre])``."""

    function: Callable[[Array], Array]

    def value(self, a: Array) -> Array:
        """Return the function of the layer it reads."""
        return self.function(a[:, self.pre])
