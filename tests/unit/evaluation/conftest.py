"""A fixture that makes up predictions."""

import numpy as np
import pandas as pd
import pytest

from flystage.evaluation.metrics import predictions_table
from flystage.raw.stages import Stages

STAGES = Stages(["051", "060", "069"], [51, 60, 69], "min")


@pytest.fixture
def answered():
    """Return a function(labels, suggested labels or probabilities) -> predictions, four images per embryo, with a PNG each."""

    def answered(labels, given, stages=STAGES):
        given = np.asarray(given)
        manifest = pd.DataFrame(
            {
                "source": [f"{number}.tif" for number in range(len(labels))],
                "stage": [stages.names[label] for label in labels],
                "label": labels,
                "embryo": [f"e{number // 4}" for number in range(len(labels))],
            }
        )
        table = predictions_table(manifest, np.eye(len(stages))[given] if given.ndim == 1 else given, stages)
        return table.assign(png=manifest["source"].str.replace("tif", "png"), split="val")

    return answered
