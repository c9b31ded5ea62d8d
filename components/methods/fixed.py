"""Fixed weights: what each task asks for, as much as the parameters say.

With L_0 the main task's loss, L_k those of the auxiliary tasks (`multi_task`), w = `objectives.tasks.weight`,

    L_0 + w Σ_k L_k

Caruana: Multitask Learning, Machine Learning 28, 1997.
"""

from torch import Tensor

from components.methods.multi_task import MultiTask
from components.methods.objective import Step


class Fixed(MultiTask):
    """Answers 'how do tasks share a step?': as the parameters say."""

    def forward(self, step: Step, main: Tensor) -> list[Tensor]:
        total = main
        for loss in self.losses(step):
            total = total + self.weight * loss
        return [total]
