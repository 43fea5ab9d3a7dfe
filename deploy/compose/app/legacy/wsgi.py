import os

from django.core.wsgi import get_wsgi_application

from legacy import own_time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "legacy.settings")
application = own_time.wsgi(get_wsgi_application())
