"""`nlu-rl web`: the terminal interface in a browser."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def web(
    host: Annotated[str, typer.Option(help="Address to listen on; only this machine can reach the default.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any that is free.", min=0, max=65535)] = 8000,
    public_url: Annotated[
        str | None, typer.Option(help="Where a proxy in front of it shows the page, as https://gpu.example.org.")
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Let pages look on: nothing is started, changed or removed there.")
    ] = False,
    trusted: Annotated[
        bool,
        typer.Option(
            "--i-trust-this-network",
            help="Listen where others can reach it: they can start and delete runs, no password asked.",
        ),
    ] = False,
) -> None:
    """Open the interface in a browser: the same screens, the same keys.

    Closing or reloading the page, and ending this command, touch no run. From another machine, come through a tunnel:
    ssh -L 8000:127.0.0.1:8000 THIS-MACHINE, then open http://127.0.0.1:8000 there.
    """
    from nlu_rl.cli.console import note
    from nlu_rl.web.access import access_for
    from nlu_rl.web.server import bind, serve

    access = access_for(host, trusted=trusted, public_url=public_url)
    bound = bind(host, port)
    shown = f"[{host}]" if ":" in host else host
    print(public_url or f"http://{shown}:{bound.getsockname()[1]}/", flush=True)
    note("Open this address in a browser. Ctrl-C ends the server; runs go on.")
    serve(bound, access, read_only=read_only)
