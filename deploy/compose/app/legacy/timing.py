"""Middlewares that time a request, and ones that only stand in the way."""

import asyncio
import time


def stamp(response, started):
    response["X-Render-MS"] = f"{(time.perf_counter() - started) * 1000:.1f}"
    return response


class SyncOnly:
    """Does nothing, synchronously: in an async stack Django runs what it calls in a thread."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


class SyncTiming(SyncOnly):
    """Stamps X-Render-MS with the time its inside took."""

    def __call__(self, request):
        started = time.perf_counter()
        return stamp(self.get_response(request), started)


class AsyncOnly:
    """Does nothing, and can only be awaited."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        # Django asks this of an instance to see that calling it gives a coroutine.
        self._is_coroutine = asyncio.coroutines._is_coroutine

    async def __call__(self, request):
        return await self.get_response(request)


class AsyncTiming(AsyncOnly):
    """Awaits the response, then stamps X-Render-MS with the time that took."""

    async def __call__(self, request):
        started = time.perf_counter()
        return stamp(await self.get_response(request), started)
