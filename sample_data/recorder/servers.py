"""Start PostgreSQL, Redis, nginx, the shop and its workers on loopback."""

from __future__ import annotations

import getpass
import os
import pwd
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text

from sample_data.recorder.models import seed_rows
from sample_data.recorder.processes import Processes, RecordError, answers, find_program, free_port

LOG_LINE_PREFIX = "%m [%p] %q%u@%d app=%a vxid=%v "
LOG_FORMAT = (
    '$remote_addr - $remote_user [$time_local] "$request" '
    '$status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time $request_id'
)
WORKERS = {"w1": "high,default", "w2": "default,high", "w3": "default,high", "w4": "bulk"}
ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Stack:
    """The running servers: where they listen and where they write."""

    folder: Path
    processes: Processes
    database_port: int
    web_port: int
    redis_port: int
    worker_pids: dict[str, int]

    @property
    def database_log(self) -> Path:
        """PostgreSQL's stderr."""
        return self.folder / "postgresql.log"

    @property
    def access_log(self) -> Path:
        """nginx's access log."""
        return self.folder / "nginx" / "access.log"

    def url(self, application: str, driver: str = "psycopg2", user: str = "shop") -> str:
        """A database URL under an application's name."""
        where = f"127.0.0.1:{self.database_port}/shop"
        return f"postgresql+{driver}://{user}@{where}?application_name={application}"


def start_stack(folder: Path, seed: int) -> Stack:
    """Start everything; on failure what was started is ended again."""
    stack = Stack(folder, Processes(), free_port(), free_port(), free_port(), {})
    try:
        _start_postgres(stack, seed)
        _start_redis(stack)
        web, api = _start_shop(stack, "web", "psycopg2"), _start_shop(stack, "api", "psycopg2")
        _start_nginx(stack, web, api, _start_shop(stack, "api2", "psycopg"))
        for name, queues in WORKERS.items():
            start_worker(stack, name, queues)
    except BaseException:
        stack.processes.stop_all()
        raise
    return stack


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        line = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise RecordError(f"{Path(command[-2]).name} failed: {' '.join(line)}")


def _as_postgres() -> tuple[str, list[str]]:
    """The user PostgreSQL runs as (it refuses root), and the command that becomes it."""
    if os.geteuid() != 0:
        return getpass.getuser(), []
    try:
        pwd.getpwnam("postgres")
    except KeyError as error:
        raise RecordError("there is no user postgres to run the database as") from error
    setpriv = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    return "postgres", setpriv


def _start_postgres(stack: Stack, seed: int) -> None:
    server = find_program("postgres")
    user, prefix = _as_postgres()
    data = stack.folder / "pg"
    data.mkdir()
    if prefix:
        shutil.chown(data, user)
    initdb = str(Path(server).with_name("initdb"))
    options = ["-U", "recorder", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    _run([*prefix, initdb, *options, "-D", str(data)])
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(stack.database_port),
        "unix_socket_directories": "",
        "log_line_prefix": LOG_LINE_PREFIX,
        "log_min_duration_statement": "0",
        "log_timezone": "UTC",
        "lc_messages": "C",
        "fsync": "off",
        "max_connections": "60",
        "shared_buffers": "64MB",
    }
    flags = [flag for key, value in settings.items() for flag in ("-c", f"{key}={value}")]
    command = [*prefix, server, "-D", str(data), *flags]
    stack.processes.start("postgresql", command, stack.database_log, stop_signal=signal.SIGINT)
    stack.processes.wait_for("postgresql", lambda: answers(stack.database_port), stack.database_log)
    _seed(stack, seed)


def _seed(stack: Stack, seed: int) -> None:
    """Fill the shop, with the log off for these connections only."""
    quiet = {"options": "-c log_min_duration_statement=-1"}
    base = f"postgresql+psycopg2://recorder@127.0.0.1:{stack.database_port}"
    admin = create_engine(f"{base}/postgres", connect_args=quiet, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE ROLE shop LOGIN"))
        connection.execute(text("GRANT pg_monitor TO shop"))
        connection.execute(text("CREATE DATABASE shop OWNER shop"))
    admin.dispose()
    # The option is a superuser's to set, so the tables are made by one, on the shop's behalf.
    engine = create_engine(f"{base}/shop", connect_args={"options": f"{quiet['options']} -c role=shop"})
    with engine.connect() as connection:
        connection.execute(text("GRANT ALL ON SCHEMA public TO shop"))
    seed_rows(engine, random.Random(f"{seed}:rows"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("product", "orders", "item", "customer", "review"):
            connection.execute(text(f"ANALYZE {table}"))
    engine.dispose()


def _start_redis(stack: Stack) -> None:
    command = [
        find_program("redis-server"), "--port", str(stack.redis_port), "--bind", "127.0.0.1",
        "--save", "", "--appendonly", "no", "--dir", str(stack.folder),
    ]  # fmt: skip
    log = stack.folder / "redis.log"
    stack.processes.start("redis", command, log)
    stack.processes.wait_for("redis", lambda: answers(stack.redis_port), log)


def _environment(stack: Stack, application: str, driver: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SHOP_DB": stack.url(application, driver),
        "SHOP_REDIS": f"redis://127.0.0.1:{stack.redis_port}/0",
        "SHOP_OUT": str(stack.folder),
    }


def _start_shop(stack: Stack, name: str, driver: str) -> int:
    port = free_port()
    workers, threads = ("2", "4") if name == "web" else ("1", "4")
    command = [
        sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", workers,
        "--threads", threads, "--worker-class", "gthread", "--worker-tmp-dir", "/dev/shm",
        "--no-control-socket", "sample_data.recorder.shop:create_app()",
    ]  # fmt: skip
    log = stack.folder / f"shop-{name}.log"
    environment = _environment(stack, f"shop-{name}", driver)
    stack.processes.start(f"shop-{name}", command, log, environment)
    stack.processes.wait_for(f"shop-{name}", lambda: answers(port), log)
    return port


def start_worker(stack: Stack, name: str, queues: str) -> None:
    """Start one RQ worker process."""
    command = [sys.executable, "-m", "sample_data.recorder.worker", name, queues]
    log = stack.folder / f"worker-{name}.log"
    environment = _environment(stack, "shop-jobs", "psycopg")
    process = stack.processes.start(f"worker-{name}", command, log, environment)
    stack.worker_pids[name] = process.pid
    ready = stack.folder / f"{name}.ready"
    stack.processes.wait_for(f"worker-{name}", ready.exists, log)


_NGINX = """
{user}
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    types {{ text/css css; application/javascript js; image/svg+xml svg; text/plain txt; }}
    log_format timed '{log_format}';
    access_log {folder}/access.log timed;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Forwarded-For;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/www;
        add_header X-Trace $request_id always;
        proxy_set_header X-Request-Id $request_id;
        proxy_set_header Host $host;
        location /static/ {{ }}
        location = /robots.txt {{ }}
        location = /favicon.ico {{ }}
        location /api/v2/ {{ proxy_pass http://127.0.0.1:{api2}; }}
        location /api/ {{ proxy_pass http://127.0.0.1:{api}; }}
        location / {{ proxy_pass http://127.0.0.1:{web}; }}
    }}
}}
"""


def _start_nginx(stack: Stack, web: int, api: int, api2: int) -> None:
    folder = stack.folder / "nginx"
    static = folder / "www" / "static"
    static.mkdir(parents=True)
    rng = random.Random(1)
    for name, size in {"app.css": 9100, "app.js": 23800, "logo.svg": 2700}.items():
        (static / name).write_text("x" * size)
    for i in range(1, 41):
        (static / f"p{i}.svg").write_text("x" * rng.randint(1500, 9000))
    (static.parent / "robots.txt").write_text(
        "User-agent: *\nDisallow: /cart\nSitemap: http://shop.example/sitemap.xml\n"
    )
    user = "user www-data;" if os.geteuid() == 0 else ""
    values = {"web": web, "api": api, "api2": api2, "port": stack.web_port}
    conf = folder / "nginx.conf"
    conf.write_text(_NGINX.format(folder=folder, user=user, log_format=LOG_FORMAT, **values))
    command = [find_program("nginx"), "-c", str(conf), "-e", str(folder / "error.log"), "-g"]
    log = stack.folder / "nginx.out"
    stack.processes.start("nginx", [*command, "daemon off;"], log, stop_signal=signal.SIGQUIT)
    stack.processes.wait_for("nginx", lambda: answers(stack.web_port), log)
