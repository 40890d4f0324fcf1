# A look at the data set before anything is prepared, and help for a first start. Neither has outputs, so they run when asked for.
# in:  raw TIFs
# out: check/check.html; what is found and doubtful, on the terminal


rule check:
    log:
        "<logs>/check.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("check.py"),
        catalog=CATALOG,
        template=template("check"),
        page=f"{config['results']}/check/check.html",
    message:
        "Looking at the data set"
    script:
        "../scripts/check.py"


rule suggest:
    log:
        "<logs>/suggest.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("suggest.py"),
    message:
        "Looking for a pattern in the names of the images"
    script:
        "../scripts/suggest.py"
