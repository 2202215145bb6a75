"""No rule for captions changes how a word is spelled, whatever its script."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data_prep.stages import captions
from data_prep.stages.captions import clean
from data_prep.stages.spelling import plain

# Words with what is easily lost: joiners, marks, ligatures, doubled forms, case of its own kind.
WORDS = {
    "Latin": "ﬁnch œuvre naïve Straße ǆep Ọ̀yọ́ Kraków smo̱kt ŉ piñata Việt L·lull X-ray V-neck TiO2",
    "Greek": "ὁ λόγος Ὀδυσσεύς ᾠδή Ἅιδης ναῦς",
    "Cyrillic": "ёжик мій сѣно Ѳеодоръ ꙗблоко съѣсть",
    "Armenian": "և Հայաստան եւրոպա մեսրոպ",
    "Georgian": "საქართველო ᲡᲐᲥᲐᲠᲗᲕᲔᲚᲝ ხე",
    "Hebrew": "שָׁלוֹם בְּרֵאשִׁית צה״ל ג׳ירפה",
    "Arabic": "مُحَمَّد لا ﷲ قرآن أَرْض",
    "Persian": "می\u200cخواهم خانه\u200cها نامه\u200cای ه\u200d",
    "Urdu": "ؤرق ہندوستان کتابیں ئے",
    "Devanagari": "क्\u200dष क्\u200cष हिन्दी ज़मीन श्रृंगार र्\u200dय",
    "Bengali": "র\u200d্যাব বাংলা ক্ষ ড়",
    "Tamil": "ஸ்ரீ தமிழ் கொக்கு",
    "Malayalam": "അവന്\u200d മലയാളം ന്\u200dറ",
    "Sinhala": "ශ්\u200dරී ලංකා ක්\u200dය",
    "Thai": "น้ำ ที่\u200bนี่ เก้าอี้ ๆ",
    "Lao": "ນ້ຳ ຫຼວງ",
    "Khmer": "ខ្មែរ\u200bភាសា ស្រី ក្រុម",
    "Burmese": "မြန်မာ\u200bစာ ကျွန်ုပ်",
    "Tibetan": "བོད་ཡིག རྐྱང",
    "Ethiopic": "አማርኛ ሰላም",
    "Hangul": "한국어 값 ᄒᆞᆫ글",
    "Han": "猫 \ufa19社 神社 漢字 ＡＢＣ ｶﾀｶﾅ が 葛\U000e0100 〆切",
    "Mongolian": "ᠮᠣᠩᠭᠣᠯ ᠰᠠᠷ\u180eᠠ",
    "Cherokee": "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ",
    "Adlam": "𞤀𞤁𞤂𞤢𞤥",
    "Emoji": "👩\u200d🚀 ❤\ufe0f 👍🏽 🏴\U000e0067\U000e0062\U000e0065\U000e007f",
}
FRAMES = ("{}", "Fig. 3.—{}", "{}, p. 12", "[Illustration: {}]", "<i>{}</i>", "No. 7. {} [4]")
BLOCKS = {
    "Devanagari": (0x0900, 0x0963),
    "Arabic": (0x0610, 0x06D3),
    "Hebrew": (0x0591, 0x05F4),
    "Thai": (0x0E01, 0x0E4E),
    "Khmer": (0x1780, 0x17D3),
    "Greek": (0x0370, 0x03FF),
    "Cyrillic": (0x0400, 0x052F),
    "Cherokee": (0x13A0, 0x13F4),
    "Hangul": (0xAC00, 0xD7A3),
    "Han": (0x4E00, 0x9FFF),
}


def same(text):
    """Text in the one of several equal forms (NFC) that is stored; a variant of a name stays."""
    words = text.split(" ")
    return " ".join(w if "\ufa19" in w else unicodedata.normalize("NFC", w) for w in words)


def of_block(low, high):
    """Words of letters, marks and joiners of a block, a letter in front."""
    every = [chr(code) for code in range(low, high + 1)]
    letters = [c for c in every if c.isalpha()]
    inner = st.sampled_from([c for c in every if unicodedata.category(c)[0] in "LM"])
    joined = st.builds("".join, st.tuples(st.sampled_from(letters), st.text(inner, max_size=5)))
    tail = st.builds("".join, st.tuples(st.sampled_from(["\u200c", "\u200d"]), inner))
    return st.builds(lambda word, end: word + end, joined, st.one_of(st.just(""), tail))


@pytest.mark.parametrize("script", WORDS)
@pytest.mark.parametrize("frame", FRAMES)
def test_sample_words_keep_their_spelling(script, frame):
    words = WORDS[script].split(" ")
    for text in (*words, " ".join(words)):
        cleaned = clean(frame.format(f"a {text} b"))
        assert cleaned == f"a {same(text)} b"


@given(st.sampled_from(sorted(WORDS)), st.randoms(use_true_random=False))
def test_words_in_any_order_keep_their_spelling(script, random):
    words = WORDS[script].split(" ")
    random.shuffle(words)
    text = " ".join(words)
    assert clean(text) == same(text) or script == "Latin"
    assert same(text) in clean(f"the {text} there")


@given(st.data())
def test_made_up_words_keep_their_spelling(data):
    block = data.draw(st.sampled_from(sorted(BLOCKS)))
    words = data.draw(st.lists(of_block(*BLOCKS[block]), min_size=1, max_size=6))
    text = " ".join(words)
    assert clean(text) == same(text)
    assert clean(f"Fig. 12.—{text}") == same(text)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), max_size=40))
@example("\u200d a\u200b\u200bb \u00ad")
@example("&lt;b>x&lt;/b> &amp;amp;lt;i>")
def test_plain_text_is_plain_already(text):
    once = plain(plain(text))  # mark-up that a first pass uncovers is taken off by a second
    assert plain(once) == once
    assert "  " not in once and once == once.strip()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<b>T</b>HE <span class='smcap'>L</span>ion<br>and H<sub>2</sub>O", "THE Lion and H2O"),
        ("cats &dogs, a &region &amp; M&uuml;ller", "cats &dogs, a &region & Müller"),
        ("don\x92t \x93go\x94", "don’t “go”"),
        ("one\u2028two\x07", "one two"),
        ("soft\u00adly \u200b \ufeffhere\u200e", "softly here"),
    ],
)
def test_mark_up_and_what_nobody_sees_go(raw, text):
    assert plain(raw) == text


@pytest.mark.parametrize(
    "text",
    [
        "X-ray of a hand",
        "V-shaped trough",
        "Enlarged view of the wing",
        "A tap on the wall",
        "Scale, 1 inch = 1 foot",
        "The colou[r]ed print",
        "KIZ KULESİ, İSTANBUL",
        "GROẞE STRAẞE, KÖLN",
        "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᎠᏂᏴᏫ",
        "ΛΟΓΟΣ ΚΑΙ ΜΥΘΟΣ",
        "👩\u200d🚀",
    ],
)
def test_what_looks_like_a_label_or_shouting_and_is_none_stays(text):
    assert captions.judged(text) == (text, "")


def test_a_raw_caption_is_only_put_on_one_line():
    assert captions.raw(" Fig. 3.\n <b>T</b> ") == ("Fig. 3. <b>T</b>", "")
    assert captions.raw(" \n") == ("", "no caption")
