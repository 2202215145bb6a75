"""Tokens of one element made into fewer: words into a text, a label and its caption into one."""

from collections.abc import Sequence

from bs4.element import Tag

from data_prep.sources.book.assignment import says_something
from data_prep.sources.book.elements import BLOCKS, HEADINGS, LONGEST, is_centred, text
from data_prep.sources.book.tokens import Block, Break, Gap, Pictures, Text, Token


def of_caption(element: Tag) -> list[Token]:
    """Tokens of an element that says it is a caption."""
    said = text(element)
    if not said:
        return [Gap()]
    if len(said) > LONGEST:
        return [Text(said)]
    return [Block([said], marked=True, inline=element.name not in BLOCKS)]


def joined(tokens: Sequence[Token], above: bool) -> list[Token]:
    """Tokens with their texts joined; what is no visible text goes.

    A marked part of a paragraph of text is text. A label ("Fig. 5.") is one block with the
    caption beside it: the one that follows, unless the label stands below a picture and captions
    stand above.
    """
    texts: list[Token] = []
    for token in tokens:
        if isinstance(token, Text) and texts and isinstance(texts[-1], Text):
            last = texts[-1]
            link = (last.link or last.blank) and (token.link or token.blank)
            texts[-1] = Text(last.text + token.text, link)
        else:
            texts.append(token)
    texts = [token for token in texts if not isinstance(token, Text) or not token.blank]
    around = [token for token in texts if isinstance(token, Text | Pictures)]
    inline = [token for token in texts if isinstance(token, Block) and token.inline]
    if inline and around and all(isinstance(token, Text) for token in around):
        return [Text(all_text(texts))]
    for block in inline:
        block.inline = False
    return _with_labels(texts, above)


def without_pictures(element: Tag, tokens: list[Token]) -> list[Token]:
    """Tokens of an element that shows no picture: a centred paragraph may be a caption."""
    if not any(isinstance(token, Text | Block | Break) for token in tokens):
        return [Gap()] if element.name in BLOCKS else []
    said = " ".join(all_text(tokens).split())
    plain = not any(isinstance(t, Break) or (isinstance(t, Block) and t.marked) for t in tokens)
    words = any(isinstance(token, Text) for token in tokens)
    if plain and words and is_centred(element) and len(said) <= LONGEST:
        return tokens if element.find(HEADINGS) else [Block([said], marked=False)]
    return tokens


def texts_as_blocks(tokens: Sequence[Token], number: int) -> list[Token]:
    """The texts of a figure of `number` pictures as its captions.

    One picture has all of them, as one; of several, each text that stands between them is one.
    Labels of links to other files are none.
    """
    texts = [token for token in tokens if isinstance(token, Text | Block)]
    if all(isinstance(token, Text) and token.link for token in texts):
        return [token for token in tokens if isinstance(token, Pictures)]
    parts: list[Token] = []
    for token in tokens:
        if isinstance(token, Text | Block):
            said = " ".join(all_text([token]).split())
            if parts and isinstance(parts[-1], Block):
                parts[-1].texts[0] += f" {said}"
            else:
                parts.append(Block([said], marked=True))
        elif not isinstance(token, Gap):
            parts.append(token)
    blocks = [part for part in parts if isinstance(part, Block)]
    if number > 1 or len(blocks) < 2:
        return parts
    whole = Block([" ".join(block.texts[0] for block in blocks)], marked=True)
    return [*(part for part in parts if not isinstance(part, Block)), whole]


def grouped(tokens: list[Token]) -> list[Token]:
    """Several pictures and nothing else, as one."""
    pictures = [token for token in tokens if isinstance(token, Pictures)]
    if len(pictures) < 2 or any(not isinstance(token, Pictures | Gap) for token in tokens):
        return tokens
    return [Pictures([element for unit in pictures for element in unit.elements])]


def all_text(tokens: Sequence[Token]) -> str:
    """What texts and blocks say, one after the other."""
    said = (
        token.text if isinstance(token, Text) else f" {token.texts[0]} "
        for token in tokens
        if isinstance(token, Text | Block)
    )
    return "".join(said)


def _with_labels(tokens, above):
    joint: list[Token] = []
    for token in tokens:
        last = joint[-1] if joint else None
        if isinstance(token, Block) and isinstance(last, Block):
            below_picture = len(joint) > 1 and isinstance(joint[-2], Pictures)
            label = not says_something(last.texts[0]) and not (above and below_picture)
            if label or not says_something(token.texts[0]):
                first, second = (token, last) if label else (last, token)
                texts = [*first.texts, *second.texts]
                joint[-1] = Block(texts, last.marked or token.marked)
                continue
        joint.append(token)
    return joint
