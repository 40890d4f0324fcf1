from flystage.crossvalidation import predictions_by_fold
from flystage.rulelog import rule_log
from flystage.tables import read_json, read_stages, write_csv

with rule_log(snakemake.log[0]):
    params, files = snakemake.params, snakemake.input
    table = predictions_by_fold(
        [(files.train, files.train_manifest), (files.val, files.val_manifest)],
        *read_stages(files.stages),
        params.model,
        params.train,
        read_json(files.best),
        params.folds,
    )
    write_csv(table, snakemake.output.predictions)
