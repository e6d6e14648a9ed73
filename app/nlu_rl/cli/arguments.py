"""Arguments that several commands take."""

from typing import Annotated

import typer

from nlu_rl.cli import completion

RecipeName = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A YAML file, or the name of a shipped recipe.",
        autocompletion=completion.recipe_names,
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Values to change, such as train.max_steps=50.", show_default=False),
]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="Name of the run.", autocompletion=completion.run_names, show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]

ENDPOINT_PANEL = "An OpenAI-compatible endpoint, for openai:MODEL"
Endpoint = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Where openai:MODEL is, such as http://localhost:8000/v1; default: OPENAI_BASE_URL, else OpenAI.",
        rich_help_panel=ENDPOINT_PANEL,
    ),
]
EndpointKey = Annotated[
    str,
    typer.Option(
        "--endpoint-key-env",
        metavar="NAME",
        help="Environment variable that holds the key.",
        rich_help_panel=ENDPOINT_PANEL,
    ),
]
EndpointPrefill = Annotated[
    bool,
    typer.Option(
        "--endpoint-prefill",
        help="Also send the opening tag as the start of the answer; for servers that go on with it (vLLM, SGLang).",
        rich_help_panel=ENDPOINT_PANEL,
    ),
]
EndpointConcurrency = Annotated[
    int, typer.Option(min=1, max=32, help="Requests at a time.", rich_help_panel=ENDPOINT_PANEL)
]
EndpointTimeout = Annotated[
    float, typer.Option(min=0.1, help="Seconds to wait for an answer.", rich_help_panel=ENDPOINT_PANEL)
]
