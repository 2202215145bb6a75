"""Cleaning of captions: what a printer, a transcriber or a web page added is taken off.

Pure functions of one string, so that any scale-out can map them. The rules know English books;
no rule changes how a word is spelled, in any script.
"""

import re

from data_prep.stages.spelling import capitalised, plain

_NUMBER = r"(?:\d+[a-zA-Z]?\b|\d+\s[a-zA-Z](?=[.,:)])|[IVXLCDM]+\b)"
_NUMBERS = rf"{_NUMBER}(?:\s*(?:,|&|and|to|-|–|—)\s*{_NUMBER})*"
_LABEL = (
    r"(?i:figs?|figures?|pl|plates?|nos?|numbers?|cuts?|illustrations?|illus|diagrams?|images?"
    r"|fables?|chap|chapters?|parts?|sections?|pages?|pp?)"
)
_STOP = r"[\s.,:;)\]*'–—-]*"

_SHOWN = r"(?:map|view|image|picture|version|plan|illustration|thumbnail)s?"
_LINK_TEXT = re.compile(
    r"(?i)\bimage unavailable:?"
    rf"|\b(?:click|tap) (?:here\b|(?:on|for|to) .{{0,20}}(?:\b{_SHOWN}|larger?|enlarged?)\b).*$"
    rf"|\b(?:see )?(?:larger|enlarged?|full[- ]size) {_SHOWN}\b\.?(?! of\b)"
)
_RULE = re.compile(r"_{2,}|\s\|\s|(?<=[^\W\d_]{2})\s=\s(?=[^\W\d_]{2})")  # not "1 = 2"
_TO_LIST = re.compile(r"\s*ToList\b")
_SIZED_FILE = re.compile(r"^\S+\s*\(\d+\s?[kK][bB]?\)\s*")
_SIZE = re.compile(r"\s*\(\d+\s?[kKM][bB]?\)")
_FILE = re.compile(r"(?i)^[\w()-]+\s?\.\s?(?:jpe?g?|png|gif|tiff?|bmp|webp)\b\s*")
_NOTE = re.compile(r"(?i)\s?\[(?:(?:pg|page|p)\.?\s?)?(?:\d+|[A-Z]|[*†‡§]+)\](?!\w)")
_SEE_NOTE = re.compile(r"(?i)\s?[\[(]see\b[^\])]*\bp(?:p|age)?\.?\s?\d+[^\])]*[\])]?$")
_FILE_NOTE = re.compile(r"(?<=[^\W\d])([.,]?)\s?[1-9]$")
_GLUED_NOTE = re.compile(r"(?<=[^\W\d_]{3})([.,])[1-9]$")
_ILLUSTRATION = re.compile(r"(?i)^(?:\[illustrations?:?|illustrations?:)\s*(.*?)\]?$")
_NUMBERED = re.compile(rf"^(?:\W*{_LABEL}(?:\b\.?\s*|\.?(?=\d)){_NUMBERS}(?![.,]\d){_STOP})+")
_BARE_NUMBER = re.compile(r"^\d{1,4}(?:\s?[a-z])?\s?[.)](?!\d)[\s–—-]*(?=\S)")
_ROMAN_DASH = re.compile(r"^[IVXLC]+(?:\.\s?|\s|(?=[–—]|--))[–—-]+\s*(?=\S)")  # not "X-ray"
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
_LATIN = re.compile("[A-Za-zªºÀ-ÖØ-öø-ɏḀ-ỿ]")
_UPPER = r"[A-ZÀ-ÖØ-ÞĀ-ɏḀ-ỿ]"  # what in it is lower case fails str.isupper
_TWO_CAPITALS = re.compile(r"[İĞŞẞ]")  # of i and of ı, of s: which letter was meant is lost
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
    | (?:click\sto\s)?(?:enlarged?|larger|zoom)
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
_PICTURE_SIGN = re.compile("[\u2800-\u28ff\U0001f000-\U0001faff]")  # Braille, emoji
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


LONGEST = 10_000  # characters; cleaning and vocabularies are made for captions, not for books
_TOO_LONG = f"caption longer than {LONGEST} characters"


def judged(caption: str) -> tuple[str, str]:
    """(cleaned caption, why it says nothing about its picture, or "")."""
    if len(caption) > LONGEST:
        return caption, _TOO_LONG
    text = clean(caption)
    return text, useless(text, caption)


def raw(caption: str) -> tuple[str, str]:
    """(caption on one line and otherwise as it is, why it cannot be used, or "")."""
    if len(caption) > LONGEST:
        return caption, _TOO_LONG
    text = " ".join(caption.split())
    return text, "" if text else "no caption"


def clean(caption: str) -> str:
    """A caption without labels, page numbers, link texts, notes and shouting; "" if none is left.

    Years ("in 1590"), Latin names in parentheses and measures stay.
    """
    text, from_file = _without_web_leftovers(plain(caption))
    text = _without_notes(text, from_file)
    text = _without_number(text)
    text = _CREDIT.sub("", text)
    if not _SEE_PAGE.search(text):
        text = _PAGE.sub("", text)
    text = _calm(_tidy(text))
    return capitalised(text) if from_file else text


def useless(caption: str, raw: str) -> str:
    """Why a cleaned caption says nothing about its picture; "" when it does say something."""
    if not caption:
        return "caption is only a label or a number" if raw.strip() else "no caption"
    letters = [c for c in caption if c.isalpha() or _PICTURE_SIGN.match(c)]
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


def _without_web_leftovers(text):
    """(text, whether a file name was taken off its front)."""
    text = _TO_LIST.sub("", " ".join(_RULE.sub(" ", text).split()))
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
    outside = "".join(parts[::2])
    if not (outside.isupper() and _is_latin(outside)):
        return _SHOUTED_RUN.sub(_calm_run, text)
    if not re.search(r"[^\W\d]{2}", text):
        return text
    return "".join(_sentence_case(part) if part.isupper() else part for part in parts)


def _is_latin(text):
    """Whether no letter is of another script: of some, "capitals" are the common letters."""
    return all(_LATIN.match(c) for c in text if c.isalpha())


def _calm_run(match):
    run = match.group()
    shouted = run.isupper() and re.search(r"[^\W\d_]{4}", run)  # "A, B, C" are labels
    return _sentence_case(run) if shouted else run


def _sentence_case(text):
    if _TWO_CAPITALS.search(text) or text.lower().upper() != text or not _is_latin(text):
        return text

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
