"""Checking a request against botocore's own model of the service, more strictly than botocore does before it sends one."""

import re

import botocore.session
from botocore.validate import ParamValidator

MODEL = botocore.session.get_session().get_service_model("sagemaker")


def problem(operation, parameters):
    """What is wrong with the parameters of a SageMaker operation, as text; empty when nothing is."""
    shape = MODEL.operation_model(operation).input_shape
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        return report.generate_report()
    return "; ".join(_broken(parameters, shape, operation))


def _broken(value, shape, where):
    """Yield what breaks a pattern, a length, a range or a list of choices, which botocore leaves to the service."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from _broken(value[name], member, f"{where}.{name}")
    elif shape.type_name == "list":
        yield from _outside(len(value), shape, f"the length of {where}")
        for place, entry in enumerate(value):
            yield from _broken(entry, shape.member, f"{where}[{place}]")
    elif shape.type_name == "map":
        yield from _outside(len(value), shape, f"the length of {where}")
        for key, entry in value.items():
            yield from _broken(key, shape.key, f"a key of {where}")
            yield from _broken(entry, shape.value, f"{where}[{key}]")
    elif shape.type_name == "string":
        yield from _outside(len(value), shape, f"the length of {where}")
        if getattr(shape, "enum", None) and value not in shape.enum:
            yield f"{where}: {value!r} is none of the choices"
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(_python(pattern), value):
            yield f"{where}: {value!r} does not fit {pattern}"
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _outside(value, shape, where)


def _outside(number, shape, where):
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and number < low) or (high is not None and number > high):
        yield f"{where} is {number}, not from {low} to {high}"


def _python(pattern):
    """A pattern of the model, written for Java, as Python takes it."""
    return pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", r"\d").replace(r"\p{Z}", r"\s")
