"""A task that came after base training, inside a model: its definition, its embedding and its head."""

from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from hyperx_cl.data.tasks import Task
from hyperx_cl.model.heads import WordHead
from hyperx_cl.task_record import TaskRecord


class LearntTask(nn.Module):
    """What belongs to one task alone.

    Args:
        task: Its definition, with labels.
        embedding: Starting values, ``(d,)``.
        hidden: Hidden width of the backbone, ``h``; the head's values are drawn.
    """

    def __init__(self, task: Task, embedding: Tensor, hidden: int) -> None:
        super().__init__()
        self.task = task
        self.embedding = nn.Parameter(embedding.detach().clone().float())
        self.head = WordHead(hidden, len(task.labels))

    def tensors(self) -> dict[str, np.ndarray]:
        """Everything under the names of a task record, fp32."""
        return {name: value.detach().cpu().float().numpy().copy() for name, value in self.state_dict().items()}

    @classmethod
    def from_record(cls, record: TaskRecord) -> Self:
        """Build the task a record describes."""
        tensors = {name: torch.tensor(array) for name, array in record.tensors.items()}
        learnt = cls(task_of_record(record), tensors["embedding"], tensors["head.weight"].shape[1])
        learnt.load_state_dict(tensors)
        return learnt


def task_of_record(record: TaskRecord) -> Task:
    """The definition that a record holds."""
    return Task(**record.definition)
