import tempfile

from flystage.core.records import read_json
from flystage.core.tables import write_csv
from flystage.dataset.splitting import SPLITS
from flystage.dataset.white import with_white
from flystage.jobs.folds import predictions_of_whole_network
from flystage.jobs.training_job import TrainingJob
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params, files, hardware = snakemake.params, snakemake.input, snakemake.config["hardware"]
    job = TrainingJob.of_rule(
        dict(files.items()),
        dict(params.items()) | {"image": with_white(params.image, snakemake.config)},
        read_json(files.best),
        params.train["epochs"],
        threads=snakemake.threads,
        workers=hardware["workers"],
        resume=params.resume,
    )
    with tempfile.TemporaryDirectory(prefix="fold-", dir=params.cache) as folder:
        predictions = predictions_of_whole_network(
            job,
            [files[f"{split}_manifest"] for split in SPLITS],
            int(snakemake.wildcards.fold),
            params.folds,
            params.views,
            folder,
            params.training_only,
            processes=hardware["processes"],
            nodes=snakemake.resources.get("nodes", 1),
        )
    write_csv(predictions, snakemake.output.predictions)
