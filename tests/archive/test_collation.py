"""The order of texts in a language: alphabets as people learn them, words as dictionaries have them."""

from pathlib import Path
from random import Random

import pytest

from service.archive.collation import collation_of
from tests.archives import archive, record
from tests.conftest import PublishTo, Serve

#: Alphabets as schools teach them. Digraphs are letters where they are taught as such; letters that are taught as forms of
#: another one are left out.
ALPHABETS = {
    "az": "a b c ç d e ə f g ğ h x ı i j k q l m n o ö p r s ş t u ü v y z",
    "ar": "ا ب ت ث ج ح خ د ذ ر ز س ش ص ض ط ظ ع غ ف ق ك ل م ن ه و ي",
    "be": "а б в г д е ё ж з і й к л м н о п р с т у ў ф х ц ч ш ы ь э ю я",
    "bg": "а б в г д е ж з и й к л м н о п р с т у ф х ц ч ш щ ъ ь ю я",
    "cs": "a b c č d e f g h ch i j k l m n o p q r ř s š t u v w x y z ž",
    "da": "a b c d e f g h i j k l m n o p q r s t u v w x y z æ ø å",
    "de": "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    "el": "α β γ δ ε ζ η θ ι κ λ μ ν ξ ο π ρ σ τ υ φ χ ψ ω",
    "es": "a b c d e f g h i j k l m n ñ o p q r s t u v w x y z",
    "et": "a b c d e f g h i j k l m n o p q r s š z ž t u v w õ ä ö ü x y",
    "fa": "ا ب پ ت ث ج چ ح خ د ذ ر ز ژ س ش ص ض ط ظ ع غ ف ق ک گ ل م ن و ه ی",
    "fi": "a b c d e f g h i j k l m n o p q r s t u v w x y z å ä ö",
    "he": "א ב ג ד ה ו ז ח ט י כ ל מ נ ס ע פ צ ק ר ש ת",
    "hr": "a b c č ć d dž đ e f g h i j k l lj m n nj o p r s š t u v z ž",
    "hu": "a b c cs d dz dzs e f g gy h i j k l ly m n ny o ö p q r s sz t ty u ü v w x y z zs",
    "hy": "ա բ գ դ ե զ է ը թ ժ ի լ խ ծ կ հ ձ ղ ճ մ յ ն շ ո չ պ ջ ռ ս վ տ ր ց ւ փ ք օ ֆ",
    "is": "a á b c d ð e é f g h i í j k l m n o ó p q r s t u ú v w x y ý z þ æ ö",
    "ka": "ა ბ გ დ ე ვ ზ თ ი კ ლ მ ნ ო პ ჟ რ ს ტ უ ფ ქ ღ ყ შ ჩ ც ძ წ ჭ ხ ჯ ჰ",
    "kk": "а ә б в г ғ д е ж з и й к қ л м н ң о ө п р с т у ұ ү ф х һ ц ч ш щ ъ ы і ь э ю я",
    "ky": "а б в г д е ж з и й к л м н ң о ө п р с т у ү ф х ц ч ш щ ъ ы ь э ю я",
    "lt": "a b c č d e f g h i j k l m n o p r s š t u v z ž",
    "lv": "a b c č d e f g ģ h i j k ķ l ļ m n ņ o p r s š t u v z ž",
    "mk": "а б в г д ѓ е ж з ѕ и ј к л љ м н њ о п р с т ќ у ф х ц ч џ ш",
    "nb": "a b c d e f g h i j k l m n o p q r s t u v w x y z æ ø å",
    "pl": "a ą b c ć d e ę f g h i j k l ł m n ń o ó p q r s ś t u v w x y z ź ż",
    "ro": "a ă â b c d e f g h i î j k l m n o p q r s ș t ț u v w x y z",
    "ru": "а б в г д е ж з и й к л м н о п р с т у ф х ц ч ш щ ъ ы ь э ю я",
    "sk": "a ä b c č d e f g h ch i j k l m n o ô p q r ř s š t u v w x y z ž",
    "sl": "a b c č d e f g h i j k l m n o p r s š t u v z ž",
    "sq": "a b c ç d dh e ë f g gj h i j k l ll m n nj o p q r rr s sh t th u v x xh y z zh",
    "sr": "а б в г д ђ е ж з и ј к л љ м н њ о п р с т ћ у ф х ц ч џ ш",
    "sr-Latn": "a b c č ć d dž đ e f g h i j k l lj m n nj o p r s š t u v z ž",
    "sv": "a b c d e f g h i j k l m n o p q r s t u v w x y z å ä ö",
    "tg": "а б в г ғ д е ж з и ӣ й к қ л м н о п р с т у ӯ ф х ҳ ч ҷ ш ъ э ю я",
    "tr": "a b c ç d e f g ğ h ı i j k l m n o ö p r s ş t u ü v y z",
    "tt": "а ә б в г д е ж җ з и й к л м н ң о ө п р с т у ү ф х һ ц ч ш щ ъ ы ь э ю я",
    "uk": "а б в г ґ д е є ж з и і ї й к л м н о п р с т у ф х ц ч ш щ ь ю я",
    "vi": "a ă â b c d đ e ê g h i k l m n o ô ơ p q r s t u ư v x y",
}


def in_order(language: str, texts: list[str]) -> list[str]:
    shuffled = Random(language).sample(texts, len(texts))
    return sorted(shuffled, key=collation_of(language).key)


@pytest.mark.parametrize("language", ALPHABETS)
def test_an_alphabet_is_in_its_own_order(language: str) -> None:
    letters = ALPHABETS[language].split()
    assert in_order(language, letters) == letters
    keys = list(map(collation_of(language).key, letters))
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("language", ALPHABETS)
def test_a_letter_comes_before_the_next_one_whatever_follows_it(language: str) -> None:
    letters = ALPHABETS[language].split()
    words = [word for letter in letters for word in (letter, letter + letters[-1] * 2)]
    # Two letters may be another one together, as `zs` is in Hungarian.
    words = [word for word in words if len(word) < 2 or not any(each in word for each in letters if len(each) > 1)]
    assert in_order(language, words) == words


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("uk", ["Галич", "Ґалаґан", "Дніпро", "Енергодар", "Євпаторія", "Жмеринка", "Изюм", "Ізюм", "Їжакевич", "Йосипівка", "Київ"]),
        ("ru", ["Елабуга", "Ёлкино", "Ельня", "Жуковский", "Иркутск", "Йошкар-Ола", "Казань", "Moscow"]),
        ("en", ["Ærø", "đ", "e", "ıb", "İstanbul", "Łuk", "lund", "Øst", "Östa", "ostb", "zoo", "Zürich", "Київ"]),
        ("de", ["Ahle", "Ähre", "Ofen", "Öfen", "offen", "Strasse", "Straße", "Zoo"]),
        ("fr", ["cote", "côté", "côtelette", "élan", "ergot", "œuf", "ouest"]),
        ("sv", ["Uppsala", "Zinkgruvan", "Åland", "Älmhult", "Öland"]),
        ("da", ["Viborg", "Zoo", "Ærø", "Øst", "Aabenraa", "Århus"]),
        ("es", ["nube", "ñandú", "ópera", "orden", "zorro"]),
        ("tr", ["Ilgaz", "İstanbul", "izmir", "Jandarma", "Ordu", "Ödemiş", "Sivas", "Şırnak"]),
        ("pl", ["Legnica", "Lublin", "Łask", "Łódź", "Mława", "Zamość", "Ziębice", "Żary"]),
        ("cs", ["Cheb", "Ostrava", "Řepy", "Zlín"]),
        ("hu", ["Cegléd", "Csepel", "Debrecen", "Gyál", "Örkény", "Sopron", "Szeged", "Zala", "Zsámbék"]),
        ("vi", ["an", "ấn", "ba", "đà", "e", "Huế", "hụt"]),
        ("ar", ["أحمد", "إدلب", "بيروت", "تدمر", "حلب", "دمشق", "Idlib", "Київ"]),
        ("fa", ["آبادان", "پاوه", "تهران", "چابهار", "کرمان", "گرگان", "لار"]),
    ],
)  # fmt: skip
def test_words_are_in_the_order_of_a_dictionary(language: str, words: list[str]) -> None:
    key = collation_of(language).key
    assert [key(word) for word in words] == sorted(key(word) for word in words)


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("ru", "ёлка", "ЕЛКА"),
        ("tr", "ILGAZ", "ılgaz"),
        ("tr", "İzmir", "izmir"),
        ("en", "e\u0301", "É"),
        ("uk", "и\u0306", "Й"),
        ("ro", "ş", "ș"),
        ("fa", "ي", "ی"),
        ("vi", "ặ", "ă"),
    ],
)
def test_case_and_the_way_a_letter_is_written_make_no_difference(language: str, one: str, other: str) -> None:
    assert collation_of(language).key(one) == collation_of(language).key(other)


@pytest.mark.parametrize("language", ["en", "ru", "ar"])
def test_quotation_marks_and_digits_come_before_letters(language: str) -> None:
    words = ["«яма»", "„яма“", "1941", "яма", "Ямы"]
    assert in_order(language, words)[-2:] == ["яма", "Ямы"]


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("uk", ["Галич", "Ґалаґан", "Єнакієве", "Ізюм", "Їжачки", "Йосипівка", "Київ", "Odesa"]),
        ("sv", ["Uppsala", "Zinkgruvan", "Åland", "Älmhult", "Öland"]),
        ("ar", ["إدلب", "بيروت", "حلب", "Damascus"]),
    ],
)
def test_lists_pages_and_facets_are_in_the_order_of_the_archives_language(
    publish_to: PublishTo, serve: Serve, tmp_path: Path, language: str, names: list[str]
) -> None:
    numbered = Random(language).sample(list(enumerate(names)), len(names))
    places = [record(f"plc-{place}", name=name) for place, (_, name) in enumerate(numbered)]
    events = [record(f"evt-{each['id'][4:]}", title=f"{each['name']} 1", place=each["id"]) for each in places]
    publish_to(tmp_path / "data", archive(*places, *events, language=language))
    client = serve(tmp_path / "data")
    for order, expected in (("name", names), ("-name", names[::-1])):
        first = client.get(f"/v1/places?sort={order}&limit=2").json()
        walked, page = first["data"], first
        while page["links"]["next"] is not None:
            page = client.get(page["links"]["next"]).json()
            walked = walked + page["data"]
        assert [each["name"] for each in walked] == expected
    assert [each["title"] for each in client.get("/v1/events?sort=title&q=1").json()["data"]] == [
        f"{name} 1" for name in names
    ]
    buckets = client.get("/v1/events?facets=place").json()["facets"]["place"]
    assert [each["label"] for each in buckets if each["value"]] == names
