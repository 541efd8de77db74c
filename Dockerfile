# One image for the web, the workers, the scheduler and migrations; docker-compose.yml says what each runs.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /portal
COPY requirements.lock requirements-node.lock requirements-protoc.lock ./
RUN python -m venv /venv && /venv/bin/pip install --require-hashes -r requirements.lock
COPY package.json package-lock.json ./
COPY portal portal
COPY templates templates
COPY static static
# Front-end libraries, translations and the wire protocol are built here; neither Node nor the compiler goes into the image below.
RUN /venv/bin/pip install --require-hashes --target /tools -r requirements-node.lock -r requirements-protoc.lock && \
    PYTHONPATH=/portal:/tools /venv/bin/python -m portal.assets && \
    rm -rf node_modules

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONPATH=/portal PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --home-dir /portal kassa
WORKDIR /portal
COPY --from=build /venv /venv
COPY --from=build /portal /portal
COPY alembic.ini wsgi.py ./
COPY migrations migrations
COPY workers workers
USER kassa
EXPOSE 8000
CMD ["gunicorn", "wsgi:app", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--workers=2", "--threads=4", "--keep-alive=15", "--graceful-timeout=10", "--no-control-socket", "--worker-tmp-dir=/dev/shm"]
