"""The one loop: phases of epochs of steps, each a short named method.

It gives equal bytes for equal inputs on one processor type, thread count and set of versions, however often
it was killed on the way: what is random follows from (seed, epoch), and all else is in the checkpoint.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor

from components.backbones.named import POOLED
from components.errors import NonFiniteLoss, TrainingError
from components.methods.base import Phase
from components.methods.multi_task import MultiTask
from components.methods.objective import Objective, Start, Step, Unlabelled
from components.methods.samples import Indices, Inputs, cut, joined, tensors
from components.progress import Bar, bar
from components.training.batches import Batch, beside, consecutive, prefetch
from components.training.checkpoints import Checkpoint, Counters, Epoch
from components.training.freezing import fingerprint, frozen_state, require_equal, unfreeze
from components.training.interrupts import Stop, crash_point, graceful
from components.training.memory import naming_the_batch
from components.training.network import with_objectives
from components.training.optimiser import Optimiser
from components.training.plan import Data, Job, Outcome, Recipe, Watch
from components.training.precision import autocast, resolve
from components.training.schedules import SCHEDULES
from components.training.scoring import channels_last, predict, score, to_device
from components.training.seeds import deterministic, seed_epoch


class Loop:
    """Trains `job.network` in place."""

    def __init__(self, job: Job, data: Data, recipe: Recipe, watch: Watch) -> None:
        self.job = job
        self.data = data
        self.recipe = recipe
        self.watch = watch
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.precision = resolve(recipe.precision, self.device)
        self.network = channels_last(job.network.to(self.device))
        self.objectives = [found for found in self.network.objectives if isinstance(found, Objective)]
        self.tasks = next((f for f in self.network.objectives if isinstance(f, MultiTask)), None)
        self.phases = [with_objectives(phase, self.network) for phase in job.phases]
        self.counters = Counters()
        self.best: dict[str, Tensor] = {}
        self._steps = 1  # of an epoch
        self._bar: Bar | None = None
        self._stop = Stop()

    def fit(self) -> Outcome:
        """Run what is left of the phases, and put the best epoch's weights into the network.

        Raises:
            NonFiniteLoss: the loss is NaN or infinite; the last finite checkpoint stays.
            Interrupted: SIGTERM; the last whole epoch stays.
            TrainingError: frozen layers moved, or there is not enough memory.
        """
        trained = frozenset().union(*(phase.trained for phase in self.phases))
        with ExitStack() as stack:
            stack.enter_context(deterministic(self.recipe.threads))
            self._stop = stack.enter_context(graceful())
            if self.watch.checkpoints:
                stack.enter_context(self.watch.checkpoints.held())
            stack.enter_context(naming_the_batch(self.recipe.batch, self.watch.section))
            before = fingerprint(frozen_state(self.network, trained))
            self._begin()
            self._run_phases()
            self._take_best()
            after = fingerprint(frozen_state(self.network, trained))
        require_equal(before, after, "the whole training ran")
        return self._outcome(before, after)

    def _begin(self) -> None:
        """Show the objectives where training starts from."""
        if not self.objectives:
            return
        self.network.eval()
        for parameter in self.network.trainable().values():
            parameter.requires_grad_(True)
        start = Start(self.network, None if self.data.source is None else self._source)
        for objective in self.objectives:
            objective.begin(start)

    def _source(self) -> Iterator[tuple[Inputs, Tensor]]:
        samples = self.data.source
        assert samples is not None
        for batch in prefetch(samples, consecutive(len(samples.targets), self.recipe.batch), 0):
            yield to_device(batch.inputs, self.device), batch.targets.to(self.device)

    def _run_phases(self) -> None:
        found = self.watch.checkpoints.latest() if self.watch.checkpoints else None
        if found:
            self.counters, self.best = found.counters, found.best
            self.restore(found.model)
        self._bar = bar(self._samples(), self.watch.name, "samples")
        try:
            self._bar.update(self.counters.steps * self.recipe.batch)
            for number in range(self.counters.phase, len(self.phases)):
                self._run_phase(number, found)
                found = None
        finally:
            self._bar.close()

    def _run_phase(self, number: int, found: Checkpoint | None) -> None:
        """Run what is left of a phase; `found` is the checkpoint that lies within it, if one does."""
        phase = self.phases[number]
        if number != self.counters.phase:
            self.counters.phase, self.counters.phase_epochs, self.counters.waited = number, 0, 0
        unfreeze(self.network, phase)
        optimiser = Optimiser(self.network, phase, self.recipe.weight_decay, self.recipe.slow)
        if found and found.counters.phase == number:
            optimiser.load(found.optimiser)
        before = fingerprint(frozen_state(self.network, phase.trained))
        while not self._is_over(phase):
            self._run_epoch(phase, optimiser)
        require_equal(before, fingerprint(frozen_state(self.network, phase.trained)), f"{phase.name} trained")

    def _is_over(self, phase: Phase) -> bool:
        counters, patience = self.counters, self.recipe.patience
        tired = patience is not None and counters.waited >= patience
        return tired or counters.phase_epochs >= phase.epochs

    def _run_epoch(self, phase: Phase, optimiser: Optimiser) -> None:
        counters = self.counters
        started = time.monotonic()
        seed_epoch(self.recipe.seed, counters.epochs)
        unfreeze(self.network, phase)
        train_loss = self._run_steps(phase, optimiser)
        spent = time.monotonic() - started
        loss, scores = score(self.job, self.data.validation, self.recipe.batch, self.device)
        line = Epoch(counters.epochs, phase.name, train_loss, loss, optimiser.rate, self._criterion(), scores)
        self._check_finite(loss, optimiser.rate, "validation loss")
        self._note(line, spent)
        self._save(optimiser)

    def _criterion(self) -> float | None:
        """How good the network looks, where more than its validation loss finds the best epoch."""
        found = self.data.criterion
        if found is None:
            return None
        logits = predict(self.network, found.samples, self.recipe.batch, self.device)
        return found.measure(logits.double().numpy())

    def _run_steps(self, phase: Phase, optimiser: Optimiser) -> float:
        """One pass over the training samples → mean loss."""
        chunks = self._chunks()
        self._steps = len(chunks)
        total, seen = 0.0, 0
        epoch = self.counters.epochs
        shown = prefetch(self.data.train, chunks, epoch)
        others = beside(self.data.unlabelled, chunks, self.recipe.seed, epoch)
        for number, (batch, unlabelled) in enumerate(zip(shown, others, strict=True)):
            share = self._share_done(phase, number, len(chunks))
            optimiser.set_rate(SCHEDULES[self.recipe.schedule](share))
            total += self._advance(batch, unlabelled, optimiser) * len(batch.targets)
            seen += len(batch.targets)
            self._stop.check()
        return total / seen

    def _advance(self, batch: Batch, unlabelled: Batch | None, optimiser: Optimiser) -> float:
        """One step → its loss."""
        return self._run_step(self._forward(batch, unlabelled), optimiser)

    def _forward(self, batch: Batch, unlabelled: Batch | None) -> Step:
        """Labelled and unlabelled samples go through the network together: BatchNorm takes its mean over both."""
        # Alone, a batch is taken whole: it may have other numbers of features and answers than of inputs.
        count = None if unlabelled is None else len(tensors(batch.inputs)[0])
        inputs, targets = to_device(batch.inputs, self.device), batch.targets.to(self.device)
        if unlabelled is not None:
            inputs = joined(inputs, to_device(unlabelled.inputs, self.device))
        with autocast(self.precision, self.device):
            named = self.network.named(inputs)
            # Unlabelled samples have no targets: beside them a head decides for itself.
            logits = self.network.answer(named, targets if unlabelled is None else None).float()
        features = named[POOLED].float()  # distances and covariances need the digits
        rest = None
        if unlabelled is not None:
            rest = Unlabelled(cut(inputs, slice(count, None)), features[count:], logits[count:])
        return Step(
            network=self.network,
            indices=torch.from_numpy(batch.indices),
            inputs=cut(inputs, slice(count)),
            features=features[:count],
            targets=targets,
            logits=logits[:count],
            epoch=self.counters.epochs,
            progress=self._progress(),
            unlabelled=rest,
            number=self.counters.steps,
        )

    def _run_step(self, step: Step, optimiser: Optimiser) -> float:
        losses = self._losses(step)
        value = sum(loss.item() for loss in losses)
        self._check_finite(value, optimiser.rate, "loss")
        optimiser.step(*losses, combine=partial(self.tasks.combine, step) if self.tasks else None)
        self.counters.steps += 1
        if self._bar is not None:
            self._bar.update(len(step.indices))
        crash_point(f"step:{self.counters.steps}")
        return value

    def _losses(self, step: Step) -> list[Tensor]:
        """The task's loss with its samples weighted, and what the objectives add; then those of further tasks."""
        counts = None if self.job.weights is None else self.job.weights[step.indices].to(self.device)
        main = self.job.loss(step.logits, step.targets, counts, self.recipe.label_smoothing)
        first, *others = self.tasks(step, main) if self.tasks else [main]
        for objective in self.objectives:
            first = first + objective(step)
        return [first, *others]

    def _note(self, line: Epoch, spent: float) -> None:
        """Count the epoch, keep its weights if it is the best, and tell those who watch."""
        counters = self.counters
        better = not self.best or line.better_than(counters.history[counters.best_epoch])
        counters.history.append(line)
        counters.phase_epochs += 1
        counters.spent += spent
        counters.waited = 0 if better else counters.waited + 1
        if better:
            counters.best_epoch = line.epoch
            self.best = {name: tensor.clone() for name, tensor in self.network.above_state().items()}
        self.watch.hear(line)
        if self._bar is not None:
            self._bar.set_postfix_str(f"epoch {line.epoch + 1}, {line.words}")

    def _save(self, optimiser: Optimiser) -> None:
        if self.watch.checkpoints:
            state = self.network.above_state()
            self.watch.checkpoints.save(Checkpoint(self.counters, state, self.best, optimiser.state()))
        crash_point(f"epoch:{self.counters.epochs}")
        self._stop.check()

    def _take_best(self) -> None:
        self.restore(self.best)
        self.network.eval()

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor]) -> None:
        own = self.network.above_state()
        if own.keys() != state.keys():
            raise TrainingError("A checkpoint does not fit the network.", "Remove the cache's training/.")
        for name, tensor in own.items():
            tensor.copy_(state[name])

    def _check_finite(self, value: float, rate: float, what: str) -> None:
        if not math.isfinite(value):
            raise NonFiniteLoss(
                f"The {what} is {value} after step {self.counters.steps} (epoch {self.counters.epochs}), "
                f"learning rate {rate:.2e}.",
                f"Lower {self.watch.section}.learning_rate, or look for broken samples; the last finite epoch is kept.",
            )

    def _share_done(self, phase: Phase, step: int, steps: int) -> float:
        """How much of the phase is done before this step, 0…1: what the schedule asks for."""
        return min((self.counters.phase_epochs * steps + step) / max(phase.epochs * steps - 1, 1), 1.0)

    def _progress(self) -> float:
        """How much of the whole training is done, 0…1: what an objective's own schedule asks for."""
        planned = self._steps * sum(phase.epochs for phase in self.phases)
        return min(self.counters.steps / planned, 1.0)

    def _chunks(self) -> Sequence[Indices]:
        return self.data.train.shuffled(self.recipe.seed, self.counters.epochs, self.recipe.batch)

    def _samples(self) -> int:
        """What all epochs together show."""
        return sum(map(len, self._chunks())) * sum(phase.epochs for phase in self.phases)

    def _outcome(self, before: str, after: str) -> Outcome:
        counters = self.counters
        return Outcome(
            best=counters.history[counters.best_epoch],
            history=tuple(counters.history),
            steps=counters.steps,
            seconds=counters.spent,
            precision=self.precision,
            frozen_before=before,
            frozen_after=after,
        )
