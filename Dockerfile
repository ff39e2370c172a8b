# The engine's image: web, worker, beat and manage.py. PostgreSQL and Redis are separate images (docker-compose.yml).
FROM python:3.13.7-slim-bookworm AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

FROM base AS packages
COPY --chmod=755 setup.sh requirements.txt ./
COPY devserver devserver
RUN ./setup.sh install production

FROM base AS final
RUN groupadd --system --gid 10001 opd \
    && useradd --system --uid 10001 --gid opd --home-dir /data --shell /usr/sbin/nologin opd \
    && install --directory --owner opd --group opd --mode 0700 /data
COPY --from=packages /app/.venv /app/.venv
# A clone made under umask 077 is unreadable for the user opd; --chmod makes the files readable for all users.
COPY --chmod=755 . .
# Compile once here: at run time the file system is read-only, and each process would compile the code again.
RUN .venv/bin/python -m compileall -q -j 0 accounts clinics config core devserver events ops patients reports tokens waitlist
ENV OPD_ENV=production OPD_HOST=0.0.0.0 OPD_PORT=8000 OPD_DATA_DIR=/data
USER opd
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s CMD ["python3", "-I", "-S", "devserver/probe.py"]
CMD ["./setup.sh", "web"]
