"""One app on one port for the whole simulated market: both vendors and the broker, flat files, and what is to go wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from undertow.sandbox.servers.faults import Fault, Faults
from undertow.sandbox.servers.world import World

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from undertow.sandbox.servers.alpaca import Brokerage
    from undertow.sandbox.servers.unusual_whales import Plan


def build(world: World, faults: Faults, *, key: str = "", plan: Plan | None = None, broker: Brokerage | None = None) -> FastAPI:
    """The app. Paths tell the vendors apart; ``/sandbox`` is ours.

    key    : the one key that is accepted; empty: any, but one must be given
    plan   : what the key may do at Unusual Whales
    broker : who has accounts; by default a brokerage of its own, in memory, for which ``key`` is the secret
    """
    from fastapi import FastAPI
    from starlette.exceptions import HTTPException

    from undertow.sandbox.servers import alpaca, flatfiles, unusual_whales
    from undertow.sandbox.servers.gate import Gate
    from undertow.sandbox.servers.massive import routes as massive

    app = FastAPI(title="simulated market", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(_administration(world, faults))
    app.include_router(massive.routes(world, faults, key))
    app.include_router(flatfiles.routes(world, faults, universe=world.listed))
    app.include_router(unusual_whales.routes(world, faults, key, plan))
    app.include_router(alpaca.routes(broker or alpaca.Brokerage(world, secret=key), faults))
    app.add_exception_handler(HTTPException, _unknown_path)
    app.add_middleware(Gate, faults=faults, key=key, market=world.market.name)
    return app


def _administration(world: World, faults: Faults) -> APIRouter:
    from fastapi import APIRouter
    from fastapi.responses import JSONResponse
    from msgspec import ValidationError, json

    from undertow.core.errors import BadInput

    async def plan(request: Request) -> Response:
        try:
            faults.plan(json.decode(await request.body(), type=Fault))
        except (ValidationError, BadInput) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"planned": len(faults.planned)})

    async def clear(_: Request) -> Response:
        faults.clear()
        return JSONResponse({"planned": 0})

    async def account(_: Request) -> Response:
        return JSONResponse(faults.account())

    async def now(_: Request) -> Response:
        return JSONResponse({"now": world.now()})

    router = APIRouter(prefix="/sandbox")
    router.add_route("/sandbox/faults", plan, methods=["POST"])
    router.add_route("/sandbox/faults", clear, methods=["DELETE"])
    router.add_route("/sandbox/account", account, methods=["GET"])
    router.add_route("/sandbox/now", now, methods=["GET"])
    return router


async def _unknown_path(_: Request, error: Exception) -> Response:
    from starlette.responses import PlainTextResponse

    return PlainTextResponse("404 page not found", getattr(error, "status_code", 404))
