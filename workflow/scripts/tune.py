from flystage import frozen, tuning
from flystage.rulelog import rule_log
from flystage.tables import read_stages, write_json

with rule_log(snakemake.log[0]):
    trial, params = int(snakemake.wildcards.trial), snakemake.params
    settings = tuning.trial_settings(trial, params.tune["learning_rate"], params.tune["batch_size"])
    _, history = frozen.train_head(
        frozen.load_vectors(snakemake.input.train, snakemake.input.train_manifest),
        frozen.load_vectors(snakemake.input.val, snakemake.input.val_manifest),
        *read_stages(snakemake.input.stages),
        params.model,
        params.train,
        settings,
        params.tune["epochs"],
    )
    write_json(tuning.trial_record(trial, settings, history), snakemake.output.record)
