# Labels that people gave by hand -> the label table. Has no outputs, so it runs only on request: snakemake --cores 1 accept
# in:  tables of the setting accept, the images under raw and predict.images
# out: the label table, accept/outcome.csv, accept/contradictions.csv; a summary on the terminal


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
        "Checking labels given by hand and adding them to the label table"
    script:
        "../scripts/accept.py"
