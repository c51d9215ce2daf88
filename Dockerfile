# Python 3.13 has no wheels of the embedded servers, so the image stays without them: here both come by URL.
FROM python:3.13-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.txt /tmp/requirements.txt
RUN /opt/venv/bin/pip install --requirement /tmp/requirements.txt


FROM python:3.13-slim-bookworm

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DEBUG=false \
    LOG_FORMAT=json \
    ENV_FILE= \
    STATIC_ROOT=/house/static \
    MEDIA_ROOT=/house/media \
    LEDGER_DIGEST_FOLDER=/house/digests

RUN groupadd --gid 10001 house && useradd --uid 10001 --gid house --no-create-home --shell /usr/sbin/nologin house
COPY --from=build /opt/venv /opt/venv
WORKDIR /house
COPY . .

# The key signs nothing while files are collected. The folders of uploads and of digests belong to the account before
# volumes cover them.
RUN python -m compileall -q -j 0 /opt/venv /house \
    && SECRET_KEY=only-used-while-collecting-static-files python manage.py collectstatic --no-input --verbosity 0 \
    && install --directory --owner house --group house /house/media /house/digests

USER house
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["python", "-m", "loyalty.probe"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "loyalty.wsgi:application"]
