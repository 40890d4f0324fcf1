# The checkpoint -> files that other programs run. Runs only on request: snakemake --cores 1 export
# in:  model/checkpoint.pt
# out: model/stager.onnx, model/stager.zip (a package for the BioImage Model Zoo)


rule export:
    input:
        mark_of_checkpoint,
    output:
        graph="<results>/model/stager.onnx",
        package="<results>/model/stager.zip",
    log:
        "<logs>/export.log",
    benchmark:
        "<benchmarks>/export.tsv"
    conda:
        "../../envs/export.yaml"
    params:
        code=code_of("export.py"),
        views=config["evaluate"]["views"],
        # A parameter and not an input, so that exporting never starts a training.
        checkpoint=CHECKPOINT,
        checkpoint_version=version_of_checkpoint,
    message:
        "Exporting the network for other programs"
    script:
        "../scripts/export.py"
