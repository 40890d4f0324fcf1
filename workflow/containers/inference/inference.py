"""Serve a checkpoint in PyTorch's inference image. Its toolkit calls these four functions and turns its own errors into a status."""

from sagemaker_inference.errors import BaseInferenceToolkitError

from flystage.prediction import serving

model_fn = serving.model_fn


def _with_status(function, *arguments):
    try:
        return function(*arguments)
    except serving.BadRequestError as error:
        raise BaseInferenceToolkitError(error.status, str(error), str(error)) from error


def input_fn(data, content_type):
    return _with_status(serving.input_fn, data, content_type)


def predict_fn(request, model):
    return _with_status(serving.predict_fn, request, model)


def output_fn(prediction, accept):
    return _with_status(serving.output_fn, prediction, accept), serving.JSON
