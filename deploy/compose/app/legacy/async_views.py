"""The same views written asynchronously. Django 3.2 has no async ORM, so the database is asked in a thread."""

import asyncio

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse, HttpResponseBadRequest, StreamingHttpResponse

from legacy import views


async def fast(request):
    return HttpResponse("fast\n", content_type="text/plain")


async def sleep(request):
    await asyncio.sleep(0.05)
    return HttpResponse("slept\n", content_type="text/plain")


async def cpu(request):
    views.burn()
    return HttpResponse("computed\n", content_type="text/plain")


async def stream(request):
    # Django 3.2 streams from a plain iterator only, and waits for it in the event loop.
    return StreamingHttpResponse(views.pieces(), content_type="text/plain")


async def delay(request):
    seconds = views.delay_seconds(request)
    if seconds is None:
        return HttpResponseBadRequest("ms must be a number between 0 and 10000\n", content_type="text/plain")
    if seconds > 0:
        await asyncio.sleep(seconds)
    return HttpResponse("waited\n", content_type="text/plain")


async def articles(request):
    return await sync_to_async(views.all_articles)()


async def article(request, pk):
    if settings.SYNC_ORM_IN_ASYNC_VIEW:
        return views.one_article(pk)  # the mistake: Django raises SynchronousOnlyOperation
    return await sync_to_async(views.one_article)(pk)


async def search(request):
    # Not thread-sensitive: by default all requests would share one thread, and with it one query at a time.
    return cache.get(views.search_key(request)) or await sync_to_async(views.found_articles, thread_sensitive=False)(request)


async def search_one_thread(request):
    """The same with the default of `sync_to_async`: under ASGI Django 3.2 has one thread for the queries of all requests."""
    return cache.get(views.search_key(request)) or await sync_to_async(views.found_articles)(request)
