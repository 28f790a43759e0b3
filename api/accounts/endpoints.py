"""Every call about accounts."""

from fastapi import APIRouter

from . import auth_endpoints, session_endpoints, token_endpoints

router = APIRouter()
router.include_router(auth_endpoints.router)
router.include_router(session_endpoints.router)
router.include_router(token_endpoints.router)
