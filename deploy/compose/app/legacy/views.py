"""Views as a legacy app has them: synchronous."""

import hashlib
import time

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpResponse, HttpResponseBadRequest, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt

from legacy.models import Article
from legacy.slow_database import ReadRow


def fast(request):
    return HttpResponse("fast\n", content_type="text/plain")


def sleep(request):
    time.sleep(0.05)
    return HttpResponse("slept\n", content_type="text/plain")


def burn(seconds=0.02):
    """Uses the CPU for that long and returns the number of rounds."""
    end, rounds = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        hashlib.sha256(b"x" * 4096).digest()
        rounds += 1
    return rounds


def cpu(request):
    burn()
    return HttpResponse("computed\n", content_type="text/plain")


def pieces():
    for number in range(5):
        yield f"piece {number}\n"
        time.sleep(0.02)


def stream(request):
    return StreamingHttpResponse(pieces(), content_type="text/plain")


def delay_seconds(request):
    """The wished delay, or None where `ms` is no number between 0 and 10,000."""
    try:
        ms = float(request.GET.get("ms", "0"))
    except ValueError:
        return None
    return ms / 1000 if 0 <= ms <= 10_000 else None


def delay(request):
    seconds = delay_seconds(request)
    if seconds is None:
        return HttpResponseBadRequest("ms must be a number between 0 and 10000\n", content_type="text/plain")
    if seconds > 0:
        time.sleep(seconds)
    return HttpResponse("waited\n", content_type="text/plain")


def all_articles():
    return JsonResponse({"articles": [article.as_json() for article in Article.objects.order_by("pk")]})


def one_article(pk):
    return JsonResponse(get_object_or_404(Article, pk=pk).as_json())


def search_key(request):
    return "search:" + hashlib.sha256(request.GET.get("title", "").encode()).hexdigest()


def found_articles(request):
    """Looks the title up row by row unless there is an index; what was found is kept where LEGACY_CACHE is on."""
    found = Article.objects.annotate(read=ReadRow("pk")).filter(read=0, title=request.GET.get("title", ""))
    answer = JsonResponse({"articles": [article.as_json() for article in found]})
    if settings.SEARCH_CACHE_SECONDS:
        cache.set(search_key(request), answer, settings.SEARCH_CACHE_SECONDS)
    return answer


def search(request):
    return cache.get(search_key(request)) or found_articles(request)


def articles(request):
    return all_articles()


def article(request, pk):
    return one_article(pk)


@login_required
def account(request):
    visits = request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(f"user {request.user.username}, visit {visits}\n", content_type="text/plain")


def redirect_relative(request):
    return HttpResponseRedirect("/fast")


def redirect_absolute(request):
    return HttpResponseRedirect(request.build_absolute_uri("/fast"))


@csrf_exempt
def upload(request):
    if "file" not in request.FILES:
        return HttpResponseBadRequest("a multipart form with one file named file is expected\n", content_type="text/plain")
    digest, size = hashlib.sha256(), 0
    for chunk in request.FILES["file"].chunks():
        digest.update(chunk)
        size += len(chunk)
    return JsonResponse({"size": size, "sha256": digest.hexdigest()})


def headers(request):
    """The request as the app got it, but for what belongs to the connection."""
    seen = {name: value for name, value in request.headers.items() if name.lower() != "connection"}
    answer = JsonResponse({"method": request.method, "path": request.get_full_path(), "headers": dict(sorted(seen.items()))})
    answer.set_cookie("first", "1")
    answer.set_cookie("second", "2", httponly=True)
    return answer


def error(request):
    raise RuntimeError("this view always fails")


def metrics(request):
    return HttpResponse("# TYPE legacy_app_info gauge\nlegacy_app_info 1\n", content_type="text/plain; version=0.0.4")
