"""Which books are one work: its volumes, its other editions, the numbers of a magazine.

A title is cut down to what the volumes share; equal ones are one work. Of one author, a title
that is part of another ("Bible Animals", "Story of the Bible Animals") is the same work; of
magazines, one that begins another ("The Strand", "The Strand Magazine").
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_EBOOK = re.compile(
    r"(?i)[\s.,:;|—–-]*(?:\ban?\s)?(?:\bthe\s)?(?:project gutenberg|distributed proofreaders)"
    r"(?:['’]s)?(?: canada)?\s*(?:e-?book)?(?:\s+of\b)?\W*"
)
_BY = re.compile(r"(?:,|;|\.|:|\(|\s)\s*(?:[Ee]dited )?\b[Bb]y (?=[A-Z])(?!Pen\b|the\b)")
_IN_PARENTHESES = re.compile(r"\([^)]*\)")
_ORDINAL = (
    r"(?:\d+(?:st|nd|rd|th)?|[ivxlc]+|one|two|three|four|five|six|seven|eight|nine|ten|first|second"
    r"|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)"
)
_PARTS = r"(?:vols?|volumes?|parts?|pt|books?|tomes?|series|editions?|ed)"
_VOLUME = re.compile(
    rf"\W+(?:{_PARTS}\b\.?\s*(?:the\s+)?{_ORDINAL}\b|v\.\s*\d+|{_ORDINAL}\s+{_PARTS}\b).*$"
    rf"|\W+(?:new|revised|enlarged|illustrated)\s+edition\b.*$"
)
_MONTHS = "january february march april may june july august september october november december"
_ISSUE = re.compile(
    rf"\W+(?:(?:nos?|numbers?|issues?)\b\.?\s*{_ORDINAL}\b|(?:{'|'.join(_MONTHS.split())})\b"
    rf"[\s,]+(?:\d{{1,2}}[\s,]+)?\d{{4}}\b).*$"
)
_SUBTITLE = re.compile(r"(?:\s*[:;—]|\s+--|--|\s*[,;]?\s+or,|(?<=[a-z]{4})\.\s)\s*.*$")
_ARTICLE = re.compile(r"^(?:the|an?)\s+")
_DOUBLED = re.compile(r"([a-z])\1")
_SMALL = frozenset("a an and as at by for from in into of on or the to upon with its their".split())
_NOBODY = frozenset(
    "various anonymous unknown others brothers company editor author esq jr sir rev".split()
)


@dataclass(frozen=True)
class Work:
    """What a title says of its work.

    Attributes:
        name: the title without volume, edition, subtitle and author, in plain letters.
        authors: their last names.
        magazine: whether it is a number of one.
    """

    name: str
    authors: frozenset[str]
    magazine: bool

    @property
    def words(self) -> frozenset[str]:
        """The words of the name that mean something."""
        return frozenset(self.name.split()) - _SMALL


def of_title(title: str, author: str = "") -> Work:
    """The work that a book is, by its title and, where it is known, its author.

    An author is read as "Last, First; Last, First"; in a title, what follows "by".
    """
    said = _EBOOK.sub(" ", title).strip(" \"'“”")
    own, *others = _BY.split(said, maxsplit=1)
    lower = _plain(_IN_PARENTHESES.sub(" ", own))
    bare = _VOLUME.sub("", _ISSUE.sub("", lower))
    main = _SUBTITLE.sub("", bare) or bare or lower
    words = re.findall(r"[a-z0-9]+", _ARTICLE.sub("", re.sub(r"['’]", "", main)))
    name = _DOUBLED.sub(r"\1", " ".join(words))
    return Work(name, _last_names(author, others), bool(_ISSUE.search(lower)))


def links(works: Iterable[Work]) -> Iterator[tuple[str, str]]:
    """Names of works that are one, in pairs."""
    known, shelves = list(dict.fromkeys(works)), defaultdict(list)
    for work in known:
        for author in work.authors:
            shelves[author].append(work)
        if work.magazine:
            shelves["magazine", work.name.partition(" ")[0]].append(work)
    for shelf, own in shelves.items():
        alike = _is_number_of if isinstance(shelf, tuple) else _is_part
        for place, one in enumerate(own):
            for other in own[place + 1 :]:
                if one.name != other.name and alike(one, other):
                    yield one.name, other.name


def named(titles: Mapping[str, tuple[str, str, str]]) -> tuple[dict[str, str], list]:
    """({group: name of its work}, links between names) of {group: (title, author, work)}.

    A `work` that the source says is the name as it is.
    """
    of = {group: of_title(title, author) for group, (title, author, _) in titles.items() if title}
    said = {group: _plain(work).strip() for group, (_, _, work) in titles.items() if work.strip()}
    names = {group: work.name for group, work in of.items() if work.name} | said
    return names, list(links(work for group, work in of.items() if group not in said))


def _is_part(one, other):
    fewer, more = sorted((one.words, other.words), key=len)
    return len(fewer) >= 2 and fewer <= more


def _is_number_of(one, other):
    return f"{one.name} ".startswith(f"{other.name} ") or f"{other.name} ".startswith(
        f"{one.name} "
    )


def _plain(text):
    """Lower case without accents and ligatures."""
    text = text.replace("æ", "ae").replace("Æ", "Ae").replace("œ", "oe").replace("Œ", "Oe")
    parts = unicodedata.normalize("NFKD", text)
    return "".join(c for c in parts if not unicodedata.combining(c)).lower()


def _last_names(author, titled):
    persons = [part.partition(",")[0] for part in author.split(";")]
    for said in titled:
        bare = _IN_PARENTHESES.sub(" ", re.split(r"(?i)\bvol", said)[0])
        persons += re.split(r",|;|&|\band\b|\bAnd\b", bare)
    last = (re.findall(r"[a-z]{3,}", _plain(person))[-1:] for person in persons)
    return frozenset(name for names in last for name in names) - _NOBODY
