from dataclasses import replace

from flystage.core.records import write_json
from flystage.core.tables import write_csv
from flystage.dataset.manifests import read_manifest, read_stages, unrotated_pngs
from flystage.dataset.white import with_white
from flystage.evaluation.metrics import predictions_table
from flystage.jobs.folds import predictions_by_fold
from flystage.jobs.launching import run_job
from flystage.jobs.training_job import TrainingJob
from flystage.jobs.trials import run_trials
from flystage.jobs.tuning import best_trial
from flystage.network.checkpoint import load_checkpoint
from flystage.network.features import turns_to_ask, vectors_of_views
from flystage.network.weights import load_weights
from flystage.prediction.inference import stage_probabilities
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params, files, output, threads = snakemake.params, snakemake.input, snakemake.output, snakemake.threads
    asked = dict(params.items()) | {"image": with_white(params.image, snakemake.config)}
    job = TrainingJob.of_rule(dict(files.items()), asked, {}, params.tune["epochs"])
    records = run_trials(
        job, params.tune, params.tune["trials"], f"{params.cache}/trials", threads, params.training_only
    )
    best = best_trial(records)
    write_json(best, output.best)
    recipe = job.recipe.with_hyperparameters(best["learning_rate"], best["batch_size"])
    job = replace(job, recipe=replace(recipe, epochs=min(best["best_epoch"], params.train["epochs"])))
    run_job(job, 1, output.checkpoint, output.history)

    stages, manifest = read_stages(files.stages), read_manifest(files.val_manifest)
    pngs = manifest["png"].tolist()
    probabilities = stage_probabilities(load_checkpoint(output.checkpoint), pngs, params.cache, threads, params.views)
    write_csv(predictions_table(manifest, probabilities, stages), output.validation)
    if params.folds:
        splits = [(files.train_vectors, files.train_manifest), (files.val_vectors, files.val_manifest)]
        pngs = unrotated_pngs([manifest for _, manifest in splits])
        turns = turns_to_ask(params.views, params.image["angles"])
        backbone = load_weights(files.backbone)
        of_views = vectors_of_views(pngs, backbone, params.cache, threads, turns)
        write_csv(
            predictions_by_fold(
                splits, of_views, stages, job.recipe, params.folds, params.training_only, backbone["parts"]
            ),
            output.folds,
        )
