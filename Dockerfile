# One image for all roles: docker run IMAGE ROLE, as worker.sh names them; `turnup` is there as well.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
WORKDIR /opt/turnup
COPY requirements.lock pyproject.toml ./
# uv in the locked version; the lock holds what tests need, too, so it limits what is installed rather than naming it
RUN awk '/^[^ #]/ { wanted = /^uv==/ } wanted' requirements.lock > /tmp/uv.lock \
    && pip install --quiet --require-hashes --no-deps --requirement /tmp/uv.lock \
    && uv venv --quiet /opt/venv
ENV VIRTUAL_ENV=/opt/venv
RUN uv pip install --quiet --constraints requirements.lock --requirement pyproject.toml
COPY . .
RUN uv pip install --quiet --constraints requirements.lock --no-deps --editable .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/turnup --create-home --shell /usr/sbin/nologin turnup
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/turnup /opt/turnup
ENV PATH=/opt/venv/bin:$PATH PYTHON=/opt/venv/bin/python PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    TURNUP_VAR=/var/lib/turnup API_HOST=0.0.0.0 ENDPOINTS_HOST=0.0.0.0 FLOWER_ADDRESS=0.0.0.0
WORKDIR /opt/turnup
USER turnup
VOLUME /var/lib/turnup
EXPOSE 8000 8081 5555
# of the API, which is what runs unless a role is named; docker-compose.yml has those of the other roles
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["./worker.sh"]
CMD ["api"]
