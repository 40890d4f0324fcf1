from flystage import frozen
from flystage.checkpoint import save_checkpoint
from flystage.history import check_converged
from flystage.rulelog import rule_log
from flystage.tables import read_json, read_stages, write_history
from flystage.weights import load_weights

with rule_log(snakemake.log[0]):
    params = snakemake.params
    best = read_json(snakemake.input.best)
    stages, minutes = read_stages(snakemake.input.stages)
    head, history = frozen.train_head(
        frozen.load_vectors(snakemake.input.train, snakemake.input.train_manifest),
        frozen.load_vectors(snakemake.input.val, snakemake.input.val_manifest),
        stages,
        minutes,
        params.model,
        params.train,
        best,
        params.train["epochs"],
    )
    check_converged(history, best["learning_rate"])
    write_history(history, snakemake.output.history)
    save_checkpoint(
        snakemake.output.checkpoint,
        load_weights(snakemake.input.backbone),
        head,
        params.model,
        stages,
        minutes,
        params.image,
        {"note": params.note, "settings": params.train, "best": best, "epochs": len(history)},
    )
