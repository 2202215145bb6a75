"""Cleaning of captions: what a printer, a transcriber or a web page added is taken off.

Pure functions of one string, so that any scale-out can map them.
"""

import html
import re
import unicodedata

_NUMBER = r"(?:\d+[a-zA-Z]?\b|\d+\s[a-zA-Z](?=[.,:)])|[IVXLCDM]+\b)"
_NUMBERS = rf"{_NUMBER}(?:\s*(?:,|&|and|to|-|–|—)\s*{_NUMBER})*"
_LABEL = (
    r"(?i:figs?|figures?|pl|plates?|nos?|numbers?|cuts?|illustrations?|illus|diagrams?|images?"
    r"|fables?|chap|chapters?|parts?|sections?|pages?|pp?)"
)
_STOP = r"[\s.,:;)\]*'–—-]*"

_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,80}>")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff]")
_LINK_TEXT = re.compile(
    r"(?i)\bimage unavailable:?|\b(?:click|tap) (?:here|on|for|to)\b.*$|\b(?:see )?"
    r"(?:larger|enlarged?|full[- ]size) (?:map|view|image|version|plan|illustration)\b\.?"
)
_TO_LIST = re.compile(r"\s*ToList\b")
_SIZED_FILE = re.compile(r"^\S+\s*\(\d+\s?[kK][bB]?\)\s*")
_SIZE = re.compile(r"\s*\(\d+\s?[kKM][bB]?\)")
_FILE = re.compile(r"(?i)^[\w()-]+\s?\.\s?(?:jpe?g?|png|gif|tiff?|bmp|webp)\b\s*")
_NOTE = re.compile(r"\s?\[(?:(?:pg|page|p)\.?\s?)?(?:\d+|[A-Z]|[*†‡§]+)\]", re.IGNORECASE)
_SEE_NOTE = re.compile(r"(?i)\s?[\[(]see\b[^\])]*\bp(?:p|age)?\.?\s?\d+[^\])]*[\])]?$")
_FILE_NOTE = re.compile(r"(?<=[^\W\d])([.,]?)\s?[1-9]$")
_GLUED_NOTE = re.compile(r"(?<=[^\W\d_]{3})([.,]?)[1-9]$")
_ILLUSTRATION = re.compile(r"(?i)^(?:\[illustrations?:?|illustrations?:)\s*(.*?)\]?$")
_NUMBERED = re.compile(rf"^(?:\W*{_LABEL}(?:\b\.?\s*|\.?(?=\d)){_NUMBERS}(?![.,]\d){_STOP})+")
_BARE_NUMBER = re.compile(r"^\d{1,4}(?:\s?[a-z])?\s?[.)](?!\d)[\s–—-]*(?=\S)")
_ROMAN_DASH = re.compile(r"^[IVXLC]+\.?\s?[–—-]+\s*(?=\S)")
_LATER_NUMBER = re.compile(r"\W\d{1,3}[.)] ?\w")
_CREDIT = re.compile(r"^(?:[A-Z][\w.&' -]{0,30}? (?i:lith|del|delt|sculp|sc|imp)\.\s*)+")
_PAGE = re.compile(
    r"(?:[\s.]*(?:—|--|(?:[–—-]\s?){2,})[\s–—-]*(?:\d{1,3}[a-z]?|frontispiece)"  # Calvin——222
    r"|(?:\s?\.){3,}\s*\d{1,4}"  # Calvin . . . . 222
    r"|\s\d{3}[a-z]"  # Calvin 222b
    r"|[,;]?\s*\(?\b(?:v\.\s)?(?:p|pp|page)\.?\s?\d{1,4}\)?)\.?$"  # Calvin, p. 222
)
_SEE_PAGE = re.compile(r"(?i)\bsee\b.*\bp(?:p|ages?)?\b\.?\s?\d")
_EDGES = " \t,:;|*_=~–—-"
_UPPER = r"[^\W\d_a-zß-öø-ÿ]"  # good enough: what else is lower case fails str.isupper
_WORD = rf"{_UPPER}(?:{_UPPER}|['’-])*"
_SHOUTED_RUN = re.compile(rf"(?<![^\W\d_]){_WORD}(?:[\s,;:.!?]+{_WORD}){{2,}}(?![^\W\d_])\.?")
_TITLES = ("ST", "DR", "MR", "MRS")
_ROMAN = re.compile(r"[ivxl]{2,}|[ivx]")

_WORTHLESS = re.compile(
    r"""(?ix) (?:the\s|an?\s)?
    (?: see\s(?:text|caption|page|note|below|above|list)(?:\s.{0,12})?
    | (?:front|back|book(?:['’]s)?|original|inside)?\s?covers?(?:\s(?:image|art|page))?
    | front(?:is)?piece(?:\sdrawing)? | (?:half[-\s])?title(?:[-\s]?page)?
    | spines? | end[-\s]?papers?
    | (?:(?:page|two|one|full|small|large)\s)?(?:images?|pictures?|photos?|illustrations?)
    | figs?|figures?|plates?|nos?|diagrams?|drawing|cartoon|logo|emblem|colophon|untitled|unknown
    | (?:no\s)?(?:captions?|titles?) | none | n/?a | null | finis | (?:the\s)?end | blank(?:\spage)?
    | (?:page\s)?decorations? | (?:decorative|ornamental|decorated)\s
      (?:bar|line|rule|border|image|break|divider|initial|letter|capital|head(?:er|piece)
      |tail-?piece)
    | ornaments? | vignettes? | (?:head|tail)[-\s]?(?:piece|band)s? | (?:horizontal\s)?(?:rule|line)
    | (?:(?:illuminated|initial|ornate|large|drop)\s)*
      (?:letters?|initials?|capitals?|drop[-\s]?caps?)
    | (?:publisher.?s?|printer.?s?)\s(?:logo|mark|device|emblem) | chapters?|fables?|pages?|parts?
    ) [\W_]* (?:\d+\w?|[ivxlc]+|[a-z])? \W* """
)
_ABOUT_THE_EDITION = re.compile(
    r"(?i)created by the transcriber|placed in the public domain|list of illustrations"
    r"|act of congress|project gutenberg"
)
_FILE_NAME = re.compile(
    r"(?i)\S+\.(?:jpe?g|png|gif|tiff?|bmp|webp)|\d{2,}[a-z_]{3,}|spines?\d*"
    r"|(?:img|dsc|dscn|image|scan|photo|pic|page|fig|plate|[fip])[-_ ]?\d+[a-z]?"
)
_ONLY_CREDIT = re.compile(
    r"(?:Drawn|Engraved|Sketched|Photographed) by (?:[^,;:.]|\b[A-Z]\.)+"
    r"(?:, (?:from|after) (?:an?|the) (?:photograph|sketch|drawing|engraving)s?"
    r"(?: by (?:[^,;:.]|\b[A-Z]\.)+)?)?,?"
)


def clean(caption):
    """A caption without labels, page numbers, link texts, notes and shouting; "" if none is left.

    Years ("in 1590"), Latin names in parentheses and measures stay.
    """
    text, from_file = _without_web_leftovers(_plain(caption))
    text = _without_notes(text, from_file)
    text = _without_number(text)
    text = _CREDIT.sub("", text)
    if not _SEE_PAGE.search(text):
        text = _PAGE.sub("", text)
    text = _calm(_tidy(text))
    return text[:1].upper() + text[1:] if from_file else text


def useless(caption, raw):
    """Why a cleaned caption says nothing about its picture; "" when it does say something."""
    if not caption:
        return "caption is only a label or a number" if raw.strip() else "no caption"
    letters = [c for c in caption if c.isalpha()]
    if not letters:
        return "caption is only a label or a number"
    if len(letters) == 1 and letters[0].isascii():
        return "caption is a single letter"
    bare = caption.strip(" .,:;!?()[]\"'“”‘’").lower()
    if _ROMAN.fullmatch(bare):
        return "caption is only a label or a number"
    if _FILE_NAME.fullmatch(bare):
        return "caption is a file name"
    if _ABOUT_THE_EDITION.search(caption):
        return "caption is about the edition"
    if _WORTHLESS.fullmatch(bare) or _ONLY_CREDIT.fullmatch(caption.rstrip(". *")):
        return "caption says nothing"
    return ""


def _plain(text):
    """Entities and tags resolved, NFC, no invisible characters, single spaces."""
    text = html.unescape(html.unescape(text))
    text = _INVISIBLE.sub("", _TAG.sub(" ", text))
    text = unicodedata.normalize("NFC", text).replace("\x00", "")
    text = re.sub(r"_{2,}|\s[|=]\s", " ", text)
    return " ".join(text.split())


def _without_web_leftovers(text):
    """(text, whether a file name was taken off its front)."""
    text = _TO_LIST.sub("", text)
    text = _ILLUSTRATION.sub(r"\1", text)
    text = _LINK_TEXT.sub("", text)
    text = _SIZE.sub("", _SIZED_FILE.sub("", text)).strip()
    shorter = _FILE.sub("", text)
    return shorter, shorter != text


def _without_notes(text, from_file):
    text = _SEE_NOTE.sub("", _NOTE.sub("", text)).strip()
    text = (_FILE_NOTE if from_file else _GLUED_NOTE).sub(r"\1", text)
    return text[:-1] if text.endswith("]") and "[" not in text else text


def _without_number(text):
    """Text after "Fig. 138.-", "No. 7.", "II.-" or "31."; a list "1. Hunter. 2. Artist." stays."""
    text = _ROMAN_DASH.sub("", _NUMBERED.sub("", text))
    return text if _LATER_NUMBER.search(text) else _BARE_NUMBER.sub("", text)


def _tidy(text):
    return " ".join(text.split()).lstrip(_EDGES + ".").rstrip(_EDGES).strip()


def _calm(text):
    """Sentence case for what is shouted: all words outside parentheses, or three in a row."""
    parts = re.split(r"(\([^)]*\)?)", text)
    if not "".join(parts[::2]).isupper():
        return _SHOUTED_RUN.sub(_calm_run, text)
    if not re.search(r"[^\W\d]{2}", text):
        return text
    return "".join(_sentence_case(part) if part.isupper() else part for part in parts)


def _calm_run(match):
    run = match.group()
    shouted = run.isupper() and re.search(r"[^\W\d_]{4}", run)  # "A, B, C" are labels
    return _sentence_case(run) if shouted else run


def _sentence_case(text):
    def word(match):
        letters = match.group()
        if re.fullmatch(r"(?:[^\W\d_]\.)+|[IVXL]{2,}", letters):  # initials, numerals
            return letters
        if re.fullmatch("[B-Z]", letters) and text[: match.start()][-1:] in ("", " "):  # a label
            return letters
        return letters.capitalize() if letters in _TITLES else letters.lower()

    lower = re.sub(r"(?:[^\W\d_]\.)+|[^\W\d_]+(?:['’][^\W\d_]+)*", word, text)
    start = r"((?:^|[.!?:]['\"”’)]*\s+)[^\w]*)([^\W\d_])"
    return re.sub(start, lambda match: match[1] + match[2].upper(), lower)
