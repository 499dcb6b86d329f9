"""`cityward run`: a place, running; the address and the balancing counts on the terminal.

`--role` is how the supervisor starts the city's own processes, `--exercise` how `cityward exercise` starts a twin; people leave
them out.
"""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path

import click

from cityward.cli.above import can_rewrite, logs_above
from cityward.compose.home import Home, read_exercise
from cityward.compose.places import demo_place
from cityward.runtime.nursery import nursery_of
from cityward.time import MINUTE, to_us

EXAMPLES = """
\b
Examples:
  cityward run                           the demo city Doggerford, 60 times as fast as reality
  cityward run --speed 1 --state /srv/doggerford
  cityward run my-town/ --mqtt-host 0.0.0.0        real devices, TLS
  cityward run my-town/ --network-log /var/log/zeek/conn.log     what no declared flow explains becomes a finding
  CITYWARD_BUS=nats://USER:PASSWORD@cluster:4222 cityward run my-town/ --replicas 3   an outside NATS cluster
"""

DEMO_SPEED = 60.0
PORT = click.IntRange(0, 65535)
ROLES = (
    *("worker", "service", "signals", "door", "street", "street-signals", "watch", "network", "release"),
    *("collector", "feeds", "gateways", "cameras"),
)
IMPORTED = ("cityward.cli.run", "cityward.compose.roles", "cityward.web.door")
"""What the processes of a city are made of."""
DUSK_BEGINS = 40 * MINUTE  # the demo begins so long before sunset: at its speed the lamps come on within a minute


@click.command("run", epilog=EXAMPLES)
@click.argument("place", type=click.Path(path_type=Path, exists=True), required=False)
@click.option("--state", type=click.Path(path_type=Path), help="Where the city keeps its things (default var/<place>).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the console listens.")
@click.option(
    "--port", type=PORT, default=8080, show_default=True, help="The console's port; another when it is taken."
)
@click.option("--behind-proxy", is_flag=True, help="A proxy in front of the console ends the TLS.")
@click.option("--mqtt-host", default="127.0.0.1", show_default=True, help="Where devices reach the broker.")
@click.option(
    "--mqtt-port", type=PORT, default=8883, show_default=True, help="The broker's MQTT port; another when it is taken."
)
@click.option(
    "--nats-port", type=PORT, default=4222, show_default=True, help="The broker's inner port; another when it is taken."
)
@click.option(
    "--admin-port",
    type=PORT,
    default=8081,
    show_default=True,
    help="/livez, /readyz, /metrics; another when it is taken.",
)
@click.option("--plain-mqtt", is_flag=True, help="MQTT without TLS, on loopback only.")
@click.option(
    "--bus",
    envvar="CITYWARD_BUS",
    help="An outside NATS cluster instead of a broker of our own; better told by the environment.",
)
@click.option(
    "--replicas", type=click.Choice(["1", "3", "5"]), default="1", show_default=True, help="Of the log, in a cluster."
)
@click.option("--nats-server", help="The nats-server to start instead of the installed one.")
@click.option("--workers", type=click.IntRange(1, 4), default=1, show_default=True, help="Intake processes.")
@click.option(
    "--sync-always", is_flag=True, help="Every message on disk before it is acknowledged: safe from a power cut."
)
@click.option("--speed", type=click.FloatRange(0.01, 3600), help="City seconds per second, fixed at the first start.")
@click.option(
    "--city-time", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]), help="The city's time (UTC) at its first start."
)
@click.option(
    "--simulate/--no-simulate", default=None, help="Run simulated devices on recorded data (the demo's default)."
)
@click.option(
    "--backfill-days", type=click.FloatRange(0, 7), default=7.0, show_default=True, help="Of recorded past at first."
)
@click.option(
    "--network-log",
    "network_logs",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="A flow log (Zeek's conn.log, a firewall's CSV) to follow for undeclared connections. May be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    hidden=True,
)
@click.option("--index", default=0, hidden=True)
@click.option("--exercise", "exercise_file", type=click.Path(path_type=Path, dir_okay=False), hidden=True)
def command(
    place: Path | None,
    state: Path | None,
    host: str,
    port: int,
    behind_proxy: bool,
    mqtt_host: str,
    mqtt_port: int,
    nats_port: int,
    admin_port: int,
    plain_mqtt: bool,
    bus: str | None,
    replicas: str,
    nats_server: str | None,
    workers: int,
    sync_always: bool,
    speed: float | None,
    city_time: datetime | None,
    simulate: bool | None,
    backfill_days: float,
    network_logs: tuple[Path, ...],
    as_json: bool,
    role: str | None,
    index: int,
    exercise_file: Path | None,
) -> None:
    """Run PLACE, a folder with a declaration (default: the demo city)."""
    if role is not None:
        from cityward.compose.roles import run_role

        if state is None:
            raise click.UsageError("--role needs --state")
        run_role(Home(state), role, index)
        return
    folder = place or demo_place()
    state = state or Path("var") / (folder.stem if folder.is_file() else folder.name)
    above = click.get_current_context().with_resource(logs_above()) if can_rewrite() and not as_json else None
    nursery = nursery_of(str(state.resolve()), IMPORTED)  # before all imports: it imports while we do
    from cityward.cli.screens import screen_for
    from cityward.compose.city import run_city
    from cityward.compose.logs import log_to_stderr
    from cityward.compose.starting.options import RunOptions, before_sunset
    from cityward.runtime.supervisor import stop_with_parent

    demo = place is None
    recordings = folder / "recordings"
    wanted = demo if simulate is None else simulate
    if wanted and not recordings.is_dir():
        raise click.UsageError(f"--simulate needs recordings in {recordings}")
    begin = to_us(city_time.replace(tzinfo=UTC)) if city_time else before_sunset(folder, DUSK_BEGINS) if demo else None
    options = RunOptions(
        place=folder,
        state=state,
        web_host=host,
        web_port=port,
        behind_proxy=behind_proxy,
        mqtt_host=mqtt_host,
        mqtt_port=mqtt_port,
        nats_port=nats_port,
        admin_port=admin_port,
        plain_mqtt=plain_mqtt,
        bus_url=bus,
        replicas=int(replicas),
        nats_server=nats_server,
        workers=workers,
        sync_always=sync_always,
        city_time_us=begin,
        speed=speed if speed is not None else DEMO_SPEED if demo else 1.0,
        simulate=recordings if wanted else None,
        backfill_days=backfill_days,
        network_logs=network_logs,
        exercise=None if exercise_file is None else read_exercise(exercise_file),
    )
    screen = screen_for(as_json, above)
    log_to_stderr("steward")

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        # a twin ends with whoever started it, however they end
        orphaned = asyncio.create_task(stop_with_parent(stop)) if options.exercise is not None else None
        try:
            await run_city(options, screen, stop, nursery)
        finally:
            screen.end()
            if nursery is not None:
                nursery.close()
            if orphaned is not None:
                orphaned.cancel()

    asyncio.run(main())
