"""How a network is trained: whatever decides the outcome beside the images."""

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    hidden, dropout: of the head, as in the configuration's `model`. train: the configuration's `train` section; its epochs
    are not looked at. learning_rate, batch_size: None where SageMaker's tuning chooses them. epochs: at most.

    Raises ValueError for what no training can use.
    """

    hidden: tuple[int, ...]
    dropout: float
    train: dict
    learning_rate: float | None
    batch_size: int | None
    epochs: int

    def __post_init__(self):
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if self.train["mode"] not in ("frozen", "finetuned"):
            raise ValueError(f"no way of training: {self.train['mode']!r}")
        if self.epochs < 1 or self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"{self.epochs} epochs of batches of {self.batch_size}")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise ValueError(f"learning rate {self.learning_rate}")

    @classmethod
    def of(cls, model, train, hyperparameters, epochs):
        """From the configuration's `model` and `train` sections and a record with learning_rate and batch_size, or {}."""
        chosen = hyperparameters.get("learning_rate"), hyperparameters.get("batch_size")
        return cls(model["hidden"], model["dropout"], train, *chosen, epochs)

    @property
    def finetuned(self):
        """Whether the whole network is trained, and not the head alone."""
        return self.train["mode"] == "finetuned"

    @property
    def hyperparameters(self):
        """{"learning_rate", "batch_size"}."""
        return {"learning_rate": self.learning_rate, "batch_size": self.batch_size}

    def of_head(self):
        """The recipe of the head: the same, or of the first phase of a fine-tuning, in which the head learns alone."""
        return replace(self, epochs=self.train["finetune"]["head_epochs"]) if self.finetuned else self

    def with_hyperparameters(self, learning_rate=None, batch_size=None):
        """The same with those that are given."""
        given = {"learning_rate": learning_rate, "batch_size": batch_size}
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def record(self):
        """A dict of plain values, from which `Recipe(**record)` makes the same recipe."""
        return asdict(self) | {"hidden": list(self.hidden)}
