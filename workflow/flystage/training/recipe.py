"""Describe how a network is trained: everything that decides the result, except the images."""

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """The settings of one training.

    hidden, dropout: of the head, from the configuration's `model` section. train: the `train` section. Its epochs are
    ignored.
    learning_rate, batch_size: None if SageMaker's tuning chooses them. epochs: largest number of epochs.

    Raises ValueError for values that no training can use.
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
            raise ValueError(f"train.mode is {self.train['mode']!r}, but must be frozen or finetuned")
        if self.epochs < 1 or self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"{self.epochs} epochs with batch size {self.batch_size}, but both must be 1 or more")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise ValueError(f"learning rate {self.learning_rate}, but it must be above 0")

    @classmethod
    def of(cls, model, train, hyperparameters, epochs):
        """Make a recipe from the sections `model` and `train` and a record with learning_rate and batch_size, or {}."""
        chosen = hyperparameters.get("learning_rate"), hyperparameters.get("batch_size")
        return cls(model["hidden"], model["dropout"], train, *chosen, epochs)

    @property
    def finetuned(self):
        """Whether the whole network is trained, and not only the head."""
        return self.train["mode"] == "finetuned"

    @property
    def hyperparameters(self):
        """{"learning_rate", "batch_size"}."""
        return {"learning_rate": self.learning_rate, "batch_size": self.batch_size}

    def of_head(self):
        """Return the recipe of the head.

        In a fine-tuning, this is the recipe of its first phase, which trains only the head.
        """
        return replace(self, epochs=self.train["finetune"]["head_epochs"]) if self.finetuned else self

    def with_hyperparameters(self, learning_rate=None, batch_size=None):
        """Return the recipe with the given hyperparameters."""
        given = {"learning_rate": learning_rate, "batch_size": batch_size}
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def record(self):
        """Return a dict of plain values, from which `Recipe(**record)` makes the same recipe."""
        return asdict(self) | {"hidden": list(self.hidden)}
