"""Plain tables of texts on standard output."""

from collections.abc import Sequence


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their headings. Cells are texts as they are: no markup is read in them."""
    from rich.table import Table
    from rich.text import Text

    from nlu_rl.cli.console import stdout

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    stdout().print(table)
