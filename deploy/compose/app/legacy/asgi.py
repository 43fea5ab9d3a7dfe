import os

from django.core.asgi import get_asgi_application

from legacy import own_time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "legacy.settings")
application = own_time.asgi(get_asgi_application())
