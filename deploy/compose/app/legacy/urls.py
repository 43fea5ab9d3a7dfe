from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path
from django.views.static import serve

from legacy import async_views, views

urlpatterns = [
    path("fast", views.fast),
    path("sleep", views.sleep),
    path("cpu", views.cpu),
    path("stream", views.stream),
    path("delay", views.delay),
    path("articles", views.articles),
    path("articles/<int:pk>", views.article),
    path("search", views.search),
    path("async/fast", async_views.fast),
    path("async/sleep", async_views.sleep),
    path("async/cpu", async_views.cpu),
    path("async/stream", async_views.stream),
    path("async/delay", async_views.delay),
    path("async/articles", async_views.articles),
    path("async/articles/<int:pk>", async_views.article),
    path("async/search", async_views.search),
    path("async/search-one-thread", async_views.search_one_thread),
    path("login", LoginView.as_view(template_name="login.html")),
    path("logout", LogoutView.as_view()),
    path("account", views.account),
    path("redirect", views.redirect_relative),
    path("absolute-redirect", views.redirect_absolute),
    path("upload", views.upload),
    path("headers", views.headers),
    path("error", views.error),
    path("metrics", views.metrics),
    path("static/<path:path>", serve, {"document_root": settings.STATIC_DIR}),
]
