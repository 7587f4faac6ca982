# The platform with what its lock file pins. Data are a volume; commands are the image's arguments.
#   docker build -t churn .
#   docker run --rm -v churn:/data -v /srv/raw:/raw:ro churn nightly --domain ecommerce --raw /raw
#   docker run -v churn:/data -p 127.0.0.1:8000:8000 churn api --host 0.0.0.0
FROM python:3.12-slim-bookworm

# LightGBM needs the OpenMP runtime
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1=* \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 churn \
    && install --directory --owner churn --mode 0700 /data

WORKDIR /platform
# first, so that a change of the code installs nothing again
COPY requirements.txt ./
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement requirements.txt
COPY . .
RUN pip install --no-cache-dir --no-deps --editable .

USER 1000
ENV CHURN_HOME=/data PYTHONDONTWRITEBYTECODE=1
VOLUME /data
ENTRYPOINT ["churn"]
CMD ["--help"]
