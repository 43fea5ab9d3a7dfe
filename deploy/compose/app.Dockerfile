# The sample legacy app under gunicorn. It knows nothing of TimingProxy.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-django gunicorn \
    && rm -rf /var/lib/apt/lists/*
COPY app/ /app/
WORKDIR /app
RUN mkdir /data && chown 1000:1000 /data
ENV LEGACY_DATA_DIR=/data PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 1000:1000
EXPOSE 8000
# Two sync workers: what the tour is about.
CMD ["sh", "-c", "python3 prepare.py && exec python3 -m gunicorn --workers 2 --worker-tmp-dir /tmp --bind 0.0.0.0:8000 legacy.wsgi"]
