"""Makes the symbols that the web page's Roboto Mono lacks: arrows, boxes and marks of DejaVu, and braille.

python tools/make_web_font.py DejaVuSansMono.ttf app/nlu_rl/web/static/symbols.woff2    (needs fonttools and brotli)
"""

import sys

from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

RANGES = ((0x2010, 0x2027), (0x2190, 0x21FF), (0x2200, 0x22FF), (0x2300, 0x23FF), (0x2400, 0x2426), (0x2500, 0x27BF))
DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Column and row of each bit of a braille pattern."""
TOP, BOTTOM, RADIUS = 0.84, -0.16, 0.075  # of an em


def main(source: str, target: str) -> None:
    font = TTFont(source)
    options = Options(
        layout_features=[], hinting=False, notdef_outline=True, drop_tables=["FFTM", "GPOS", "GSUB", "GDEF"]
    )
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[code for first, last in RANGES for code in range(first, last + 1)])
    subsetter.subset(font)
    advance = font["hmtx"]["arrowup"][0]
    add_braille(font, advance)
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 6, 16):
            record.string = "nlu-rl-symbols"
    font.flavor = "woff2"
    font.save(target)


def add_braille(font: TTFont, advance: int) -> None:
    em = font["head"].unitsPerEm
    order = font.getGlyphOrder()
    for mask in range(256):
        name = f"uni{0x2800 + mask:04X}"
        pen = TTGlyphPen(None)
        for bit, (column, row) in enumerate(DOTS):
            if mask >> bit & 1:
                x = advance * (0.25 + 0.5 * column)
                y = em * (TOP - (TOP - BOTTOM) * (row + 0.5) / 4)
                dot(pen, x, y, RADIUS * em)
        glyph = pen.glyph()
        glyph.recalcBounds(font["glyf"])
        font["glyf"][name] = glyph
        font["hmtx"][name] = (advance, glyph.xMin)
        order = order if name in order else [*order, name]
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap[0x2800 + mask] = name
    font.setGlyphOrder(order)


def dot(pen: TTGlyphPen, x: float, y: float, radius: float) -> None:
    """Draw an octagon, which is a circle at this size."""
    near = 0.414 * radius
    corners = [(near, radius), (radius, near), (radius, -near), (near, -radius)]
    corners += [(-dx, -dy) for dx, dy in corners]
    points = [(round(x + dx), round(y + dy)) for dx, dy in corners]
    pen.moveTo(points[0])
    for point in points[1:]:
        pen.lineTo(point)
    pen.closePath()


if __name__ == "__main__":
    main(*sys.argv[1:])
