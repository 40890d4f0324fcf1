"""Serve a checkpoint in the Ray Serve image, which answers /ping and passes each request to /invocations to this deployment."""

import asyncio
from pathlib import Path

from ray import serve
from starlette.responses import PlainTextResponse, Response

from flystage.prediction import serving


@serve.deployment
class Stager:
    def __init__(self):
        self.model = serving.model_fn(Path(__file__).parent)

    async def __call__(self, request):
        data, headers = await request.body(), request.headers
        try:
            text = await asyncio.to_thread(
                serving.answer, data, headers.get("content-type"), headers.get("accept"), self.model
            )
        except serving.BadRequestError as error:
            return PlainTextResponse(str(error), status_code=error.status)
        return Response(text, media_type=serving.JSON)


app = Stager.bind()
