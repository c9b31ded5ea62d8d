"""Populations whose samples lie in groups, and are alike within them: their metrics are known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from benchmarks.populations import Confidences, Draw, Floats, Scores, calibrated_pair, decided, of_two, said
from components.problems.classification.judge.metrics import Outcome

Members = npt.NDArray[np.int64]
Classes = npt.NDArray[np.int64]
Rate = TypeVar("Rate", float, Floats)
Alike = Literal["both classes", "opposed"]
ALMOST = 1 - 1e-9


@dataclass(frozen=True)
class Groups:
    """About 20 samples each.

    Attributes:
        correlation: of what a model gets right (of its scores), within a group.
        unequal: sizes are geometric, from 1 to about 100, rather than 10 to 30.
        labels: correlation of the classes within a group; 1: each group has one class.
        prevalence: of positives.
    """

    correlation: float
    unequal: bool = False
    labels: float = 0.0
    prevalence: float = 0.3

    def members(self, draw: Draw, groups: int) -> Members:
        sizes = draw.geometric(1 / 20, groups) if self.unequal else draw.integers(10, 31, groups)
        return np.repeat(np.arange(groups), sizes)

    def targets(self, draw: Draw, member: Members) -> Classes:
        return (draw.random(len(member)) < self._prevalences(draw, member[-1] + 1)[member]).astype(np.int64)

    def _prevalences(self, draw: Draw, groups: int) -> Floats:
        if self.labels == 0:
            return np.full(groups, self.prevalence)
        if self.labels == 1:
            return (draw.random(groups) < self.prevalence).astype(np.float64)
        a, b = self._beta(self.prevalence, self.labels)
        return np.asarray(draw.beta(a, b, groups))

    @staticmethod
    def _beta(rate: Rate, correlation: float) -> tuple[Rate, Rate]:
        spread = 1 / correlation - 1
        return rate * spread, (1 - rate) * spread

    def decisions(
        self, recalls: tuple[float, float], alike: Alike = "both classes"
    ) -> Callable[[Draw, int], tuple[Outcome, Members]]:
        """Groups differ in their recalls, which are beta distributed: hard ones, or such that lean to one class."""

        def outcome(draw: Draw, groups: int) -> tuple[Outcome, Members]:
            member = self.members(draw, groups)
            targets = self.targets(draw, member)
            place = draw.random(groups)
            places = (place, place if alike == "both classes" else 1 - place)
            rates = np.stack(
                [
                    betaincinv(*self._beta(r, self.correlation), p)
                    for r, p in zip(recalls, places, strict=True)
                ]
            )
            return decided(targets, draw.random(len(member)) < rates[targets, member]), member

        return outcome

    def scores(
        self, of: Scores, alike: Alike = "both classes"
    ) -> Callable[[Draw, int], tuple[Outcome, Members]]:
        """Groups differ in their scores: all are higher, or those of positives higher and of negatives lower."""

        def outcome(draw: Draw, groups: int) -> tuple[Outcome, Members]:
            member = self.members(draw, groups)
            targets = self.targets(draw, member)
            sign = 1.0 if alike == "opposed" else np.where(targets == 1, 1.0, -1.0)
            common = draw.standard_normal(groups)[member] * sign * np.sqrt(self.correlation)
            noise = common + draw.standard_normal(len(member)) * np.sqrt(1 - self.correlation)
            return of.draw(draw, len(member), noise, targets.astype(np.float64)), member

        return outcome

    def score_pairs(
        self, one: Scores, other: Scores, agree: float
    ) -> Callable[[Draw, int], tuple[Outcome, Outcome, Members]]:
        """Hard groups, which are hard for either model; what is left agrees as much, too."""

        def pair(draw: Draw, groups: int) -> tuple[Outcome, Outcome, Members]:
            member = self.members(draw, groups)
            targets = self.targets(draw, member)

            def noise(count: int) -> Floats:
                common = draw.standard_normal(count)
                apart = draw.standard_normal((2, count))
                return np.asarray(np.sqrt(agree) * common + np.sqrt(1 - agree) * apart)

            sign = np.where(targets == 1, 1.0, -1.0)
            of_group, own = noise(groups)[:, member] * sign, noise(len(member))
            noises = np.sqrt(self.correlation) * of_group + np.sqrt(1 - self.correlation) * own
            first, second = (
                m.draw(draw, len(member), n, targets.astype(np.float64))
                for m, n in zip((one, other), noises, strict=True)
            )
            return first, second, member

        return pair

    def of_several(self, draw: Draw, groups: int, shares: Floats) -> tuple[Members, Classes]:
        """Members of so many groups, and their classes of `shares` (C,): mixed in each group, or one a group."""
        member = self.members(draw, groups)
        count = groups if self.labels == 1 else len(member)
        targets = draw.choice(len(shares), size=count, p=shares / shares.sum())
        return member, targets[member] if self.labels == 1 else targets

    def tables(
        self, table: Floats, alike: Alike = "both classes"
    ) -> Callable[[Draw, int], tuple[Outcome, Members]]:
        """Decisions by shares (C, C): rows are classes, columns decisions.

        Groups differ in their recalls, which are beta distributed: all are lower in a hard group; or every other is
        higher, and what is wrong of a class in a group is one other class.
        """
        shares = table.sum(axis=1)
        recalls = np.diag(table) / shares
        wrong = (table / shares[:, None]) * (1 - np.eye(len(table)))
        wrong = np.cumsum(wrong / wrong.sum(axis=1, keepdims=True), axis=1)

        def outcome(draw: Draw, groups: int) -> tuple[Outcome, Members]:
            member, targets = self.of_several(draw, groups, shares)
            places = np.tile(draw.random(groups), (len(table), 1))
            if alike == "opposed":
                places[1::2] = 1 - places[1::2]
            rates = betaincinv(*self._beta(recalls[:, None], self.correlation), places)
            right = draw.random(len(member)) < rates[targets, member]
            place = draw.random((len(table), groups))[targets, member]
            place = place if alike == "opposed" else draw.random(len(member))
            others = (place[:, None] * ALMOST >= wrong[targets]).sum(axis=1)
            return said(targets, np.where(right, targets, others), len(table)), member

        return outcome

    def table_pairs(self, shares: Floats) -> Callable[[Draw, int], tuple[Outcome, Outcome, Members]]:
        """Decisions of two models by shares (C, C, C) (`two_tables`); those of a class in a group are Dirichlet's."""
        classes, spread = len(shares), 1 / self.correlation - 1
        rows = shares.reshape(classes, -1) / shares.sum(axis=(1, 2))[:, None]

        def pair(draw: Draw, groups: int) -> tuple[Outcome, Outcome, Members]:
            member, targets = self.of_several(draw, groups, shares.sum(axis=(1, 2)))
            parts = draw.gamma(rows[:, None, :] * spread, size=(classes, groups, classes**2))
            ends = np.cumsum(parts, axis=2) / parts.sum(axis=2, keepdims=True)
            own = ends[targets, member, :-1]
            one, other = np.divmod((draw.random(len(member))[:, None] > own).sum(axis=1), classes)
            return said(targets, one, classes), said(targets, other, classes), member

        return pair

    def scores_of_several(
        self, shift: float, shares: Floats, alike: Alike = "both classes"
    ) -> Callable[[Draw, int], tuple[Outcome, Members]]:
        """A score for each class, N(0, 1); that of its own class is higher by `shift`.

        Groups differ in their scores: in a hard one that of a sample's class is lower and the others are higher; or
        each class has scores of its own, whatever the sample is.
        """

        def outcome(draw: Draw, groups: int) -> tuple[Outcome, Members]:
            member, targets = self.of_several(draw, groups, shares)
            own = np.eye(len(shares))[targets]
            if alike == "opposed":
                common = draw.standard_normal((groups, len(shares)))[member]
            else:
                common = draw.standard_normal(groups)[member, None] * (2 * own - 1)
            noise = draw.standard_normal(own.shape)
            scores = shift * own + np.sqrt(self.correlation) * common + np.sqrt(1 - self.correlation) * noise
            return Outcome(targets, 1 / (1 + np.exp(-scores)), scores.argmax(axis=1)), member

        return outcome

    def confidences(self, of: Confidences) -> Callable[[Draw, int], tuple[Outcome, Members]]:
        """Groups that are right more often or less often, whatever the confidence."""

        def outcome(draw: Draw, groups: int) -> tuple[Outcome, Members]:
            member = self.members(draw, groups)
            confidence = draw.uniform(0.5, 1, len(member))
            return of_two(self.right(draw, of.rates(confidence), member), confidence), member

        return outcome

    def confidence_pairs(
        self, gap: float, other: float, alike: bool
    ) -> Callable[[Draw, int], tuple[Outcome, Outcome, Members]]:
        """The same for two models, which are too sure by such gaps."""

        def pair(draw: Draw, groups: int) -> tuple[Outcome, Outcome, Members]:
            member = self.members(draw, groups)
            first, second, rates = calibrated_pair(draw, len(member), alike)
            targets = self.right(draw, rates, member)
            return of_two(targets, first + gap), of_two(targets, second + other), member

        return pair

    def right(self, draw: Draw, rates: Floats, member: Members) -> Classes:
        """1 as often as `rates` (N,) say, in a group more often or less often."""
        a, b = self._beta(np.clip(rates, 1 - ALMOST, ALMOST), self.correlation)
        own = betaincinv(a, b, draw.random(member[-1] + 1)[member])
        return np.asarray(draw.random(len(member)) < own, np.int64)

    def discordant(
        self, gained: float, lost: float, right: float = 0.8, each_class: bool = False
    ) -> Callable[[Draw, int], tuple[Outcome, Outcome, Members]]:
        """Only the one, only the other is right; the shares of a group (of each class in it) are Dirichlet's."""
        shares = np.array([right - lost, gained, lost, 1 - right - gained])

        def pair(draw: Draw, groups: int) -> tuple[Outcome, Outcome, Members]:
            member = self.members(draw, groups)
            targets = self.targets(draw, member)
            spread = 1 / self.correlation - 1
            parts = draw.gamma(shares * spread, size=(2 if each_class else 1, groups, 4))
            ends = np.cumsum(parts, axis=2) / parts.sum(axis=2, keepdims=True)
            own = ends[targets if each_class else 0, member]
            cell = (draw.random(len(member))[:, None] > own[:, :3]).sum(axis=1)
            return decided(targets, cell <= 1), decided(targets, (cell == 0) | (cell == 2)), member

        return pair
