"""What stands on a page, in reading order: pictures, caption blocks, and what parts them."""

from dataclasses import dataclass

from bs4.element import Tag


@dataclass(frozen=True)
class Text:
    """Running text: what stands before it and what stands after it do not belong together.

    Attributes:
        text: as the page has it, with its spaces.
        link: it is nothing but the label of links to other files ("Play", "Enlarge").
    """

    text: str
    link: bool = False

    @property
    def blank(self) -> bool:
        """Whether nothing of it is visible."""
        return not self.text.strip()


@dataclass(frozen=True)
class Break:
    """A rule, or a figure that has its caption already: it parts like text, and says nothing."""


@dataclass(frozen=True)
class Gap:
    """An empty paragraph or cell."""


@dataclass(eq=False)
class Pictures:
    """Pictures that stand together without a text between them: one, or the row of a table."""

    elements: list[Tag]


@dataclass(eq=False)
class Block:
    """A text that may be the caption of a picture or of a group.

    Attributes:
        texts: the text, or several readings of it, the best one first.
        marked: the page says that it is a caption; else it only looks like one (centred).
        inline: it is a part of a paragraph.
        given: it is the caption of a picture by now.
    """

    texts: list[str]
    marked: bool
    inline: bool = False
    given: bool = False


Token = Text | Break | Gap | Pictures | Block
