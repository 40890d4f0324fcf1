# Stages that people gave by hand -> the table of labels. It has no outputs, so it runs when asked for: snakemake --cores 1 accept
# in:  tables of the setting accept, the images under raw and predict.images
# out: the table of labels; accept/outcome.csv, accept/contradictions.csv; what was done, on the terminal


rule accept:
    log:
        "<logs>/accept.log",
    conda:
        "../../envs/images.yaml"
    threads: 8
    params:
        code=code_of("accept.py"),
        catalog=CATALOG,
        folder=f"{config['results']}/accept",
    message:
        "Checking stages given by hand, and adding them to the labels"
    script:
        "../scripts/accept.py"
