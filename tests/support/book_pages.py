"""Pages of books in the mark-ups that editions use, each with the captions that a reader sees.

`PAGES` is {name: (what stands in the body, {picture: caption})}. A picture is a number; its caption
is `CAPTIONS[number]` unless the page says otherwise, "" where the reader sees none.
"""

CAPTIONS = (
    "An iron lantern",
    "The ferry at dusk",
    "A mason's yard",
    "Two herons",
    "The market cross",
    "A weaver's loom",
    "The old quarry",
    "A fishing weir",
    "Plan of the harbour",
    "The bell tower",
)
TEXT = (
    "<p>The road went on between the fields, and nobody had passed along it since the morning.</p>"
)


def img(number, alt=""):
    return f'<img src="{number}.png" alt="{alt}">'


def seen(*numbers, **others):
    """{picture: caption} of pictures with their own captions; `others` are _3="..." or _3=4."""
    captions = {n: CAPTIONS[n] for n in numbers}
    for name, caption in others.items():
        said = CAPTIONS[caption] if isinstance(caption, int) else caption
        captions[int(name[1:])] = said
    return {f"{n}.png": caption for n, caption in captions.items()}


def each(template, *numbers, between=""):
    """A template with {img}, {n} and {c} for each picture."""
    parts = [template.format(img=img(n), n=n, c=CAPTIONS[n]) for n in numbers]
    return between.join(parts)


def row(*cells, tag="td", **attributes):
    given = "".join(f' {name.rstrip("_")}="{value}"' for name, value in attributes.items())
    return "<tr>" + "".join(f"<{tag}{given}>{cell}</{tag}>" for cell in cells) + "</tr>"


def table(*rows):
    return f"<table>{''.join(rows)}</table>"


FIGURE = '<div class="figcenter">{img}<p class="caption">{c}</p></div>'
BELOW = '<div class="figcenter">{img}</div><p class="caption">{c}</p>'
ABOVE = '<p class="caption">{c}</p><div class="figcenter">{img}</div>'
LIST = "<h2>LIST OF ILLUSTRATIONS</h2>"

PAGES = {
    "figcaption below": (
        each("<figure>{img}<figcaption>{c}</figcaption></figure>", 0, 1, 2),
        seen(0, 1, 2),
    ),
    "figcaption first": (
        each("<figure><figcaption>{c}</figcaption>{img}</figure>", 0, 1, 2, between=TEXT),
        seen(0, 1, 2),
    ),
    "span of a caption class in the figure": (
        each(
            '<div class="figleft" style="width: 9em">{img}<span class="caption">{c}</span></div>',
            *(0, 1, 2),
            between=TEXT,
        ),
        seen(0, 1, 2),
    ),
    "paragraph of a caption class in a float": (
        each("<div class='floatr'>{img}<p class='caption'><b>Fig. {n}.</b>—{c}</p></div>", 1, 2, 3),
        seen(_1=f"Fig. 1.—{CAPTIONS[1]}", _2=f"Fig. 2.—{CAPTIONS[2]}", _3=f"Fig. 3.—{CAPTIONS[3]}"),
    ),
    "caption after the figure": (each(BELOW, 0, 1, 2, 3), seen(0, 1, 2, 3)),
    "caption after the figure, with text": (each(BELOW, 0, 1, 2, between=TEXT), seen(0, 1, 2)),
    "caption before the figure": (each(ABOVE, 0, 1, 2, 3), seen(0, 1, 2, 3)),
    "caption before the figure, sometimes text": (
        each(ABOVE, 0, 1) + TEXT + each(ABOVE, 2, 3) + TEXT + each(ABOVE, 4),
        seen(0, 1, 2, 3, 4),
    ),
    "captions above, one picture has none": (
        each(ABOVE, 0, 1, between=TEXT) + TEXT + img(2) + each(ABOVE, 3) + TEXT + each(ABOVE, 4),
        seen(0, 1, 3, 4, _2=""),
    ),
    "captions below, one picture has none": (
        each(BELOW, 0, 1, between=TEXT) + TEXT + each(BELOW, 2) + img(3) + each(BELOW, 4),
        seen(0, 1, 2, 4, _3=""),
    ),
    "caption first in the figure": (
        each('<div class="fig"><div class="caption">{c}</div>{img}</div>', 0, 1, 2),
        seen(0, 1, 2),
    ),
    "figures with and without caption in turn": (
        f'<div class="image">{img(0)}</div>'
        + each(FIGURE, 1)
        + f'<div class="image">{img(2)}</div>'
        + each(FIGURE, 3),
        seen(1, 3, _0="", _2=""),
    ),
    "centred paragraph after the picture": (
        each('<p class="ctr">{img}</p><p class="ctr">{c}</p>', 0, 1, 2, between=TEXT),
        seen(0, 1, 2),
    ),
    "centred by an attribute": (
        each('<p align="center">{img}</p><p align="center"><i>{c}</i></p>', 0, 1, between=TEXT)
        + each('<center>{img}<br><font size="-1">{c}</font></center>', 2, 3, between=TEXT),
        seen(0, 1, 2, 3),
    ),
    "text in the class of a figure": (
        each('<p class="figcenter">{img}</p><p class="figcenter">{c}</p>', 0, 1, between=TEXT),
        seen(0, 1),
    ),
    "centred paragraphs before their pictures": (
        each('<p class="center">{c}</p><p class="center">{img}</p>', 0, 1, 2),
        seen(0, 1, 2),
    ),
    "title of a chapter before a headpiece": (
        each('<p class="center">CHAPTER {n}.</p><p class="center">{img}</p>' + TEXT * 2, 1, 2, 3),
        seen(_1="", _2="", _3=""),
    ),
    "text beside the picture in its figure": (
        each('<div class="illus">{img}<br>{c}</div>', 0, 1)
        + f'<div class="illus">{img(2)}<br>{CAPTIONS[2]} '
        + f'<a href="big.png">Enlarge</a></div><div class="illus">{img(3, CAPTIONS[3])}<br>'
        + '<a href="3-big.png">[Larger picture]</a></div>',
        seen(0, 1, 3, _2=f"{CAPTIONS[2]} Enlarge"),
    ),
    "several pictures and texts in one figure": (
        f'<div class="figcenter">{img(0)}<br>{CAPTIONS[0]}<br>{img(1)}<br>{CAPTIONS[1]}</div>',
        seen(0, 1),
    ),
    "rows of a table": (
        table(
            row(img(0), img(1), img(2)),
            row(CAPTIONS[0], CAPTIONS[1], CAPTIONS[2]),
            row(img(3), "", img(4)),
            row(CAPTIONS[3], "", CAPTIONS[4]),
        ),
        seen(0, 1, 2, 3, 4),
    ),
    "rows of a table, captions first": (
        table(
            row(CAPTIONS[0], CAPTIONS[1], class_="caption"),
            row(img(0), img(1)),
            row(CAPTIONS[2], CAPTIONS[3], class_="caption"),
            row(img(2), img(3)),
        ),
        seen(0, 1, 2, 3),
    ),
    "one cell below two pictures": (
        table(
            row(f"{img(0)}<br><i>a</i>", f"{img(1)}<br><i>b</i>"),
            row(CAPTIONS[5], class_="caption", colspan=2),
        )
        + TEXT
        + table(row(img(2)), row(CAPTIONS[2])),
        seen(2, _0=5, _1=5),
    ),
    "cells of a picture and its caption": (
        table(
            row(
                f'{img(0)}<p class="caption">{CAPTIONS[0]}</p>',
                f'{img(1)}<p class="caption">{CAPTIONS[1]}</p>',
            ),
            row(f"{img(2)}<br>{CAPTIONS[2]}", img(3)),
        ),
        seen(0, 1, 2, _3=""),
    ),
    "a picture and its caption side by side": (
        table(row(img(0), f'<p class="caption">{CAPTIONS[0]}</p>'))
        + table(row(f'<p class="caption">{CAPTIONS[1]}</p>', img(1))),
        seen(0, 1),
    ),
    "layout tables with a verse": (
        table(
            row("<p>A&nbsp;&nbsp;a</p>", "<p>&nbsp;</p>"),
            row("<p>THE AUK</p><p>A is an Auk,<br>of the Arctic sea</p>", img(0, "The auk")),
        ),
        seen(_0="The auk"),
    ),
    "a heading of the table": (
        f"<table><caption>{CAPTIONS[0]}</caption>{row(img(0))}</table>{TEXT}"
        f"<table><caption>{CAPTIONS[1]}</caption>{row(img(1), img(2))}</table>",
        seen(0, 1, _2=1),
    ),
    "a caption after the table of its pictures": (
        table(row(img(0), img(1))) + f'<p class="caption">{CAPTIONS[0]}</p>' + TEXT,
        seen(0, _1=0),
    ),
    "floats side by side": (
        '<div class="figrow">'
        + each('<div class="figleft">{img}<div class="caption">{c}</div></div>', 0)
        + each('<div class="figright"><div class="caption">{c}</div>{img}</div>', 1)
        + "</div>"
        + TEXT,
        seen(0, 1),
    ),
    "two pictures of a paragraph, one caption": (
        f'<p class="figcenter">{img(0)} {img(1)}</p><p class="caption">{CAPTIONS[0]}</p>{TEXT}'
        f'<p class="figcenter">{img(2)}</p><p class="caption">{CAPTIONS[2]}</p>',
        seen(0, 2, _1=0),
    ),
    "two pictures of a paragraph, two captions": (
        f"<p>{img(0)} {img(1)}</p>"
        + each('<p class="caption">{c}</p>', 0, 1)
        + TEXT
        + f'<div class="fig">{img(2)}{img(3)}'
        + each("<p class='caption'>{c}</p>", 2, 3)
        + "</div>",
        seen(0, 1, 2, 3),
    ),
    "several pictures in a figure, one figcaption": (
        f"<figure>{img(0)}{img(1)}{img(2)}<figcaption>{CAPTIONS[0]}</figcaption></figure>"
        f"<figure>{img(3)}<figcaption>{CAPTIONS[3]}</figcaption></figure>",
        seen(0, 3, _1=0, _2=0),
    ),
    "figures in a figure": (
        "<figure>"
        + each("<figure>{img}<figcaption>{c}</figcaption></figure>", 0, 1)
        + f"<figcaption>{CAPTIONS[5]}</figcaption></figure>"
        + f"<figure>{img(2)}<figcaption>{CAPTIONS[2]}</figcaption></figure>",
        seen(0, 1, 2),
    ),
    "alternative text alone": (
        f"<p>{img(0, CAPTIONS[0])}</p>{TEXT}<p>{img(1, CAPTIONS[1])}</p><p>{img(2, 'Fig. 3')}</p>",
        seen(0, 1, _2=""),
    ),
    "title alone": (
        f'<p><img src="0.png" alt="" title="{CAPTIONS[0]}"></p>{TEXT}<p>{img(1)}</p>',
        seen(0, _1=""),
    ),
    "labels apart from the captions": (
        each(
            '<div class="fig">{img}</div><p class="caption">Fig. {n}.</p>'
            '<p class="caption">{c}</p>',
            1,
            2,
            3,
        ),
        seen(1, 2, 3),
    ),
    "captions above, labels below": (
        each(
            '<p class="caption">{c}</p><div class="fig">{img}</div>'
            '<p class="caption">Fig. {n}.</p>',
            1,
            2,
            3,
        ),
        seen(1, 2, 3),
    ),
    "list of illustrations": (
        LIST
        + "<ul>"
        + each('<li><a href="#plate{n}">{c}</a> <a href="#p{n}">{n}</a></li>', 0, 1, 2)
        + "</ul><h2>CHAPTER I</h2>"
        + each('<p><a id="plate{n}"></a>{img}</p>' + TEXT, 0, 1)
        + f'<div id="plate2">{img(2)}</div>{TEXT}<p>{img(3)}</p>',
        seen(0, 1, 2, _3=""),
    ),
    "list of illustrations by page": (
        "<h2>CONTENTS</h2>"
        + table(row("The chapter of the ferry", '<a href="#Page_7">7</a>'))
        + LIST
        + table(*(row(CAPTIONS[n], f'<a href="#Page_{n}">{n}</a>') for n in (5, 7)))
        + f'<h2>CHAPTER I</h2><p><a id="Page_5"></a>{TEXT[3:]}<p>{img(5)}</p>'
        + f'<p><a id="Page_7"></a>{TEXT[3:]}<p>{img(7)}</p>{TEXT}<p>{img(8)}</p>',
        seen(5, 7, _8=""),
    ),
    "ornaments and initials among figures": (
        f'<p class="center">{img(0)}</p><h2>CHAPTER I</h2><p><span class="figleft">{img(1)}</span>'
        f"{TEXT[3:]}{each(FIGURE, 2)}{TEXT}{each(BELOW, 3)}{TEXT}<p class='center'>{img(4)}</p>"
        f"<h2>{img(5)}<br>CHAPTER II</h2>{TEXT}",
        seen(2, 3, _0="", _1="", _4="", _5=""),
    ),
    "a description in the figure": (
        each("<figure>{img}<figcaption>{c}</figcaption>" + TEXT * 6 + "</figure>", 0, 1),
        seen(0, 1),
    ),
    "a chapter in a box of figures": (
        '<div class="illustrated">' + each(ABOVE, 0, 1, between=TEXT * 4) + TEXT + "</div>",
        seen(0, 1),
    ),
    "gallery in lists": (
        "<ul>"
        + each("<li>{img}<br>{c}</li>", 0, 1)
        + "</ul><dl>"
        + each('<dt>{img}</dt><dd class="wp-caption-text">{c}</dd>', 2, 3)
        + "</dl>",
        seen(0, 1, 2, 3),
    ),
    "a caption class around the picture": (
        each('<div class="wp-caption">{img}<p class="wp-caption-text">{c}</p></div>', 0, 1)
        + each('<div class="caption">{img}<br>{c}</div>', 2),
        seen(0, 1, 2),
    ),
    "page numbers, notes, comments and breaks": (
        f'<div class="figcenter">{img(0)}<!-- scan 12 --><p class="caption">'
        '<span class="pagenum">[Pg 9]</span>The iron<br>lantern'
        '<a class="fnanchor">[1]</a></p></div>'
        f'<hr><p class="caption"></p>{TEXT}<div class="figcenter">{img(1)}</div>'
        f'<span class="pagenum">[Pg 10]</span><p>&nbsp;</p><p class="caption">{CAPTIONS[1]}</p>',
        seen(1, _0="The iron lantern"),
    ),
    "a rule between a picture and the next caption": (
        each(BELOW, 0) + TEXT + f'<p class="figcenter">{img(1)}</p><hr>' + each(ABOVE, 2),
        seen(0, 2, _1=""),
    ),
    "a title page": (
        f'<p class="center">{img(0)}</p><p>&nbsp;</p><p class="center">BOSTON, 1851</p>{TEXT}',
        seen(_0=""),
    ),
    "marked words in the text": (
        f'<p>{img(0)}</p><p>He saw <span class="caption">the legend</span> of the coin and went '
        f"home.</p>{each(FIGURE, 1)}",
        seen(1, _0=""),
    ),
    "a plain paragraph after the picture": (  # nothing in the mark-up says that it is a caption
        each("<p>{img}</p><p><i>{c}</i></p>", 0, 1, between=TEXT),
        seen(0, 1),
    ),
}
