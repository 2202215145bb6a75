"""The text of a caption as it reads: without mark-up and what nobody sees, spelled as it was.

In some scripts an invisible character is part of a word: a joiner in Persian, Hindi or an emoji,
a zero-width space between words of Thai or Khmer. Those stay.
"""

import html
import re
import unicodedata

_ENTITY = re.compile(r"&(?:#\d+|#[xX][\da-fA-F]+|[a-zA-Z]\w{1,30});")
_INLINE = "a|abbr|b|big|cite|em|font|i|ins|q|s|small|span|strong|sub|sup|tt|u"
_INLINE_TAG = re.compile(rf"</?(?i:{_INLINE})(?:\s[^<>]{{0,80}})?>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,80}>")

_INVISIBLE = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f\u00ad\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
_LONE_JOINER = re.compile(r"(?:(?<=\s)|^)[\u200c\u200d]+(?=\s|$)")
_NO_SPACE = r"[^\x00-\x7f\s\u200b]"
_BREAK_FOR_NOTHING = re.compile(rf"(?<!{_NO_SPACE})\u200b+|\u200b+(?!{_NO_SPACE}|\u200b)")
_WINDOWS = {
    code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0) if code != 0x85
}
# NFC would replace them by ordinary ideographs; in a name they are another spelling.
_COMPATIBILITY = re.compile("([\uf900-\ufaff\U0002f800-\U0002fa1f]+)")


def plain(text: str) -> str:
    """Entities and tags resolved, invisible characters off, NFC, single spaces."""
    text = _unescaped(_unescaped(text))
    text = _TAG.sub(" ", _INLINE_TAG.sub("", text))
    text = _INVISIBLE.sub("", text.translate(_WINDOWS))
    text = _LONE_JOINER.sub("", _BREAK_FOR_NOTHING.sub("", text))
    return " ".join(composed(text).split())


def composed(text: str) -> str:
    """Unicode's composed form (NFC), but for compatibility ideographs, which stay."""
    parts = _COMPATIBILITY.split(text)
    parts[::2] = [unicodedata.normalize("NFC", part) for part in parts[::2]]
    return "".join(parts)


def capitalised(text: str) -> str:
    """With a capital at the front, where that is one letter for one ("ß" and "ﬁ" stay)."""
    first = text[:1].title()
    return (first if len(first) == 1 else text[:1]) + text[1:]


def _unescaped(text):
    """Entities that end in a semicolon: "cats &dogs" and "a &region" have none."""
    return _ENTITY.sub(lambda match: html.unescape(match.group()), text)
