# How a user's mistakes are told, and the first place where there may be one: the configuration file.
from flystage.core.errors import FlystageError
from flystage.run.config_files import check_config_file


def or_one_sentence(function, *arguments):
    """The function's result; a mistake of the user's ends Snakemake with the sentence that says so."""
    try:
        return function(*arguments)
    except FlystageError as error:
        raise Mistake(str(error))


# Snakemake says neither file nor line of what it cannot read. Files of the command line it reads before: see profiles/default.
or_one_sentence(check_config_file, f"{workflow.basedir}/config.yaml")
