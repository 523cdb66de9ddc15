"""What others keep, brought into tables: what came, what was left, and that nothing is doubled."""

import json
import math
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.archive.tables import compiled
from service.archive.tables.writing import pieces_of
from service.bringing.brought import Brought
from service.bringing.foreign import foreign_rows
from service.bringing.points import Point, read_point
from service.bringing.suggesting import suggest

OHMS = """<?xml version="1.0" encoding="UTF-8"?>
<ROOT xmlns="https://www.weareavp.com/nunncenter/ohms"><record id="7" dt="2020-01-01"><version>5.4</version>
<date value="2006-06-13" format="yyyy-mm-dd"/><title>An interview with Ann Example</title><accession>OH7</accession>
<duration>0:28:06</duration><repository>Arden Archive</repository><subject>Trams</subject>
<interviewee>Ann Example</interviewee><interviewer>Bo Example</interviewer><language>English</language>
<sync>1:|2(3)|4(2)</sync><media_url>https://arden.example/a.mp3</media_url><user_notes>Call her first</user_notes>
<index><point><time>65</time><title>The tram</title><partial_transcript>It stopped.</partial_transcript>
<synopsis>How it stopped.</synopsis><keywords>tram;night</keywords><subjects>Trams</subjects>
<gpspoints><gps>1.5, 2.5</gps><gps_text>Old Market</gps_text></gpspoints></point></index>
<transcript>BO EXAMPLE: Where were you
when it stopped?

ANN: I was there.
</transcript></record></ROOT>
"""
OHMS_6 = """<ROOT xmlns="https://www.weareavp.com/nunncenter/ohms"><record id="8"><version>6.0</version><title>Two</title>
<vtt_transcript><![CDATA[WEBVTT

NOTE begin

00:00:04.000 --> 00:00:29.000
<v ANN>Hello.
]]></vtt_transcript></record></ROOT>
"""


def records_of(tables: Path) -> dict[str, list[dict[str, Any]]]:
    records: dict[str, list[dict[str, Any]]] = {}
    with compiled(tables) as made:
        assert made.findings == []
        for kind, record in pieces_of(made.path):
            records.setdefault(kind, []).append(record)
    return records


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


# --- OHMS -------------------------------------------------------------------------------------------------------------


def test_an_interview_of_ohms_becomes_a_testimony(command: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "a.xml", OHMS)
    ran = command("bring", "ohms", file, "--into", "mine", "--consent", "published_source", "--json")
    told = json.loads(ran.out)
    assert told["created"]["testimony"] == 1
    assert {(each["where"], each["what"]) for each in told["left"]} == {
        ("user_notes", "kept with the source, unpublished"),
        ("index, point 1", "the point 1.5, 2.5"),
    }
    records = records_of(tmp_path / "mine")
    [testimony] = records["testimony"]
    assert (testimony["given"], testimony["language"]) == ("2006-06-13", "en")
    assert [each["start_s"] for each in testimony["index"]] == [65]
    # The marks stand at the third word of line 2 and the second of line 4, which are spoken at the first and second minute.
    assert [(each.get("start_s"), each.get("speaker"), each["text"]) for each in testimony["transcript"]] == [
        (None, "BO EXAMPLE", "Where were you when it"),
        (60, "BO EXAMPLE", "stopped?"),
        (120, "ANN", "I was there."),
    ]
    people = {record["name"]: record["id"] for record in records["agent"]}
    assert testimony["witness"] == people["Ann Example"]
    assert testimony["contributors"] == [{"agent": people["Bo Example"], "role": "interviewer"}]
    assert records["source"][0]["access"]["private"] == {"ohms": {"user_notes": "Call her first"}}
    assert command("check", "mine").code == 0


def test_what_a_table_of_contents_holds_beside_its_fields_is_kept(command: Any, tmp_path: Path) -> None:
    more = """<transcript_alt_lang>Spanish</transcript_alt_lang><mediafile><host>elsewhere</host><clip_id>7</clip_id></mediafile>
    <repository_url>https://arden.example</repository_url></record>"""
    text = OHMS.replace("</record>", more).replace("<keywords>", "<title_alt>El tranvía</title_alt><keywords>")
    link = "<hyperlinks><hyperlink>https://arden.example/tram</hyperlink><hyperlink_text>A tram</hyperlink_text></hyperlinks>"
    text = text.replace("<gpspoints>", f"<subjects_alt>Tranvías</subjects_alt>{link}<gpspoints>")
    without = re.sub(r"<transcript>.*</transcript>", "", text, flags=re.DOTALL)
    for name, content in (("with", text), ("without", without)):
        command(
            "bring",
            "ohms",
            write(tmp_path / "a.xml", content),
            "--into",
            name,
            "--consent",
            "direct",
            "--radius",
            "500",
        )
        records = records_of(tmp_path / name)
        [entry] = records["testimony"][0]["index"]
        assert entry["translations"] == {"es": {"title": "El tranvía"}}
        kept = records["source"][0]["access"]["private"]["ohms"]
        assert kept["mediafile"] == {"host": "elsewhere", "clip_id": "7"}
        assert kept["repository_url"] == "https://arden.example"
        [rest] = kept["index"]
        assert rest["hyperlinks"] == [{"hyperlink": "https://arden.example/tram", "hyperlink_text": "A tram"}]
        assert rest["subjects_alt"] == "Tranvías"
        # The words that a part begins with stand in the transcript, where there is one.
        assert rest.get("partial_transcript") == (None if name == "with" else "It stopped.")
        [place] = records["place"]
        assert place["name"].startswith("Old Market (1.5")
        assert place["radius_m"] == 500
        assert command("check", name).code == 0


def test_without_consent_nothing_of_an_interview_is_published(command: Any, tmp_path: Path) -> None:
    command("bring", "ohms", write(tmp_path / "a.xml", OHMS), "--into", "mine")
    records = records_of(tmp_path / "mine")
    hidden = [
        *records["testimony"],
        *records["source"],
        *(each for each in records["agent"] if each["kind"] == "person"),
    ]
    assert {each["access"]["visibility"] for each in hidden} == {"restricted"}
    assert command("publish", "mine", "--data", "data").code == 0
    exported = command("export", "-", "--data", "data").out
    assert "Arden Archive" in exported
    for said in ("Ann Example", "stopped", "Trams", "Old Market"):
        assert said not in exported


@pytest.mark.parametrize("namespace", ["", ' xmlns="http://www.example.org/ohms"'])
def test_a_file_without_the_namespace_is_one_of_ohms_too(command: Any, tmp_path: Path, namespace: str) -> None:
    text = OHMS.replace(' xmlns="https://www.weareavp.com/nunncenter/ohms"', namespace)
    command("bring", "ohms", write(tmp_path / "a.xml", text), "--into", "mine", "--consent", "direct")
    [testimony] = records_of(tmp_path / "mine")["testimony"]
    assert len(testimony["transcript"]) == 3
    assert [each["title"] for each in testimony["index"]] == ["The tram"]


def test_webvtt_inside_of_version_6_is_read(command: Any, tmp_path: Path) -> None:
    command("bring", "ohms", write(tmp_path / "a.xml", OHMS_6), "--into", "mine", "--consent", "direct")
    [testimony] = records_of(tmp_path / "mine")["testimony"]
    assert testimony["transcript"] == [{"start_s": 4, "end_s": 29, "speaker": "ANN", "text": "Hello."}]


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]><ROOT>&b;</ROOT>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><ROOT>&b;</ROOT>',
        "<ROOT>",
        "<ROOT/>",
        "not XML",
        "",
    ],
)
def test_what_is_none_of_ohms_is_refused_and_nothing_written(command: Any, tmp_path: Path, text: str) -> None:
    ran = command("bring", "ohms", write(tmp_path / "a.xml", text), "--into", "mine")
    assert (ran.code, ran.out) == (1, "")
    assert len(ran.err.splitlines()) == 1
    assert not (tmp_path / "mine").exists()


# --- Again ------------------------------------------------------------------------------------------------------------


def test_bringing_again_updates_doubles_nothing_and_keeps_what_an_editor_added(command: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "a.xml", OHMS)
    bring = ("bring", "ohms", file, "--into", "mine", "--consent", "published_source")
    command(*bring)
    testimonies = tmp_path / "mine" / "testimonies.csv"
    header, row = testimonies.read_text(encoding="utf-8-sig").splitlines()
    testimonies.write_text(f"{header},content_warnings\n{row},an accident\n")
    file.write_text(OHMS.replace("I was there", "I was not there"))
    assert "updated: 1 testimony" in command(*bring).err
    [testimony] = records_of(tmp_path / "mine")["testimony"]
    assert testimony["content_warnings"] == ["an accident"]
    assert testimony["transcript"][-1]["text"] == "I was not there."
    assert "unchanged: 1 testimony" not in command(*bring).out
    assert len(records_of(tmp_path / "mine")["testimony"]) == 1


def test_what_was_taken_back_is_not_brought_again(command: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "a.xml", OHMS)
    bring = ("bring", "ohms", file, "--into", "mine", "--consent", "published_source", "--json")
    command(*bring)
    records = records_of(tmp_path / "mine")
    [testimony] = records["testimony"]
    [interviewer] = [each["id"] for each in records["agent"] if each.get("name") == "Bo Example"]
    assert command("redact", "mine", testimony["id"], "3", "--reason", "consent").code == 0
    command("unname", "mine", interviewer, "--policy", "withheld", "--label", "A helper")
    again = json.loads(command(*bring).out)
    assert again["updated"] == {}
    tables = "".join(path.read_text("utf-8-sig") for path in (tmp_path / "mine").glob("*.csv"))
    assert "I was there" not in tables
    records = records_of(tmp_path / "mine")
    [person] = [each for each in records["agent"] if each["id"] == interviewer]
    assert (person["name_policy"], person["label"], "name" in person) == ("withheld", "A helper", False)
    command("withdraw", "mine", testimony["id"])
    file.write_text(OHMS.replace("An interview", "The interview"))
    told = json.loads(command(*bring).out)
    assert (testimony["id"], "it was withdrawn, and is not brought again") in [
        (each["where"], each["why"]) for each in told["left"]
    ]
    assert "testimony" not in records_of(tmp_path / "mine")
    assert testimony["id"] not in (tmp_path / "mine" / "brought.json").read_text()


def test_what_an_editor_changed_stays_and_is_told_where_something_new_was_brought(command: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "a.xml", OHMS)
    bring = ("bring", "ohms", file, "--into", "mine", "--consent", "published_source", "--json")
    command(*bring)
    testimonies = tmp_path / "mine" / "testimonies.csv"
    testimonies.write_text(
        testimonies.read_text("utf-8-sig").replace("An interview with Ann Example", "An interview on trams")
    )
    assert not [each for each in json.loads(command(*bring).out)["left"] if each["file"] == "testimonies.csv"]
    file.write_text(OHMS.replace("An interview with", "A talk with").replace("2006-06-13", "2006-06-14"))
    told = json.loads(command(*bring).out)
    assert [each["what"] for each in told["left"] if each["file"] == "testimonies.csv"] == ["title"]
    assert told["updated"] == {"source": 1, "testimony": 1}
    [testimony] = records_of(tmp_path / "mine")["testimony"]
    assert (testimony["title"], testimony["given"]) == ("An interview on trams", "2006-06-14")


def test_consent_that_is_stated_later_publishes_what_was_restricted_for_want_of_it(
    command: Any, tmp_path: Path
) -> None:
    bring = ("bring", "ohms", write(tmp_path / "a.xml", OHMS), "--into", "mine")
    command(*bring)
    command(*bring, "--consent", "direct")
    records = records_of(tmp_path / "mine")
    assert not [each for those in records.values() for each in those if each.get("access", {}).get("visibility")]
    assert {each["name"] for each in records["agent"]} == {"Ann Example", "Bo Example", "Arden Archive"}
    assert command("check", "mine").code == 0
    # A subject that others share stays public beside an interview that nobody has consented to.
    other = OHMS.replace("OH7", "OH8").replace("Ann Example", "Cy Example")
    command("bring", "ohms", write(tmp_path / "b.xml", other), "--into", "mine")
    assert [each["label"] for each in records_of(tmp_path / "mine")["topic"] if "access" not in each] == ["Trams"]
    assert command("check", "mine").code == 0


def test_what_an_editor_restricts_stays_restricted(command: Any, tmp_path: Path) -> None:
    bring = ("bring", "ohms", write(tmp_path / "a.xml", OHMS), "--into", "mine", "--consent", "direct")
    command(*bring)
    sources = tmp_path / "mine" / "sources.csv"
    header, row = sources.read_text("utf-8-sig").splitlines()
    sources.write_text(f"{header},access_visibility\n{row},restricted\n")
    command(*bring)
    assert records_of(tmp_path / "mine")["source"][0]["access"]["visibility"] == "restricted"


def test_a_folder_that_is_no_archive_is_not_written_to(command: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    write(tmp_path / "mine" / "letter.txt", "Dear Ann")
    ran = command("bring", "ohms", write(tmp_path / "a.xml", OHMS), "--into", "mine")
    assert ran.code == 1
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


# --- Transcripts ------------------------------------------------------------------------------------------------------


def test_text_becomes_segments_with_times_and_speakers(command: Any, tmp_path: Path) -> None:
    text = "[00:00:05] ANNA: We met\nat the market.\n\nBO: [0:01:10] When?\n\nNobody said.\n"
    command("bring", "text", write(tmp_path / "i.txt", text), "--into", "mine", "--language", "en")
    [testimony] = records_of(tmp_path / "mine")["testimony"]
    assert testimony["transcript"] == [
        {"start_s": 5, "speaker": "ANNA", "text": "We met at the market."},
        {"start_s": 70, "speaker": "BO", "text": "When?"},
        {"text": "Nobody said."},
    ]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_text_is_read_as_word_processors_save_it(command: Any, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "i.txt").write_bytes("ÉVA: “Où?”\r\n\r\nBO: Là – bas.\r\n".encode(encoding))
    ran = command("bring", "text", "i.txt", "--into", "mine")
    [testimony] = records_of(tmp_path / "mine")["testimony"]
    assert [(each["speaker"], each["text"]) for each in testimony["transcript"]] == [
        ("ÉVA", "“Où?”"),
        ("BO", "Là – bas."),
    ]
    assert (f"read as {encoding}" in ran.out) == (encoding != "utf-8-sig")


def test_a_document_of_a_word_processor_is_read(command: Any, tmp_path: Path) -> None:
    document = tmp_path / "i.docx"
    with zipfile.ZipFile(document, "w") as packed:
        packed.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" '
            'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
        )
        packed.writestr(
            "_rels/.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" Type='
            '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>'
            "</Relationships>",
        )
        packed.writestr(
            "word/document.xml",
            '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
            "<w:p><w:r><w:t>ANNA: Hello.</w:t></w:r></w:p><w:p><w:r><w:t>(1:05) BO: Yes.</w:t></w:r></w:p></w:body></w:document>",
        )
    command("bring", "text", document, "--into", "mine")
    [testimony] = records_of(tmp_path / "mine")["testimony"]
    assert [(each["speaker"], each["text"]) for each in testimony["transcript"]] == [("ANNA", "Hello."), ("BO", "Yes.")]
    broken = tmp_path / "b.docx"
    with zipfile.ZipFile(broken, "w") as packed:
        packed.writestr("hello", "there")
    for file in (broken, write(tmp_path / "c.docx", "hello")):
        ran = command("bring", "text", file, "--into", "other")
        assert (ran.code, ran.out) == (1, "")


def test_subtitles_of_one_speaker_are_that_persons_testimony(command: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>Hello.\n")
    command("bring", "vtt", file, "--into", "mine", "--language", "en", "--consent", "direct")
    records = records_of(tmp_path / "mine")
    assert records["agent"][0]["name"] == "Ann"
    assert records["testimony"][0]["access"] == {"consent_basis": "direct"}


def test_without_consent_nothing_of_a_transcript_is_published(command: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "ann-example.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>Hello there.\n")
    command("bring", "vtt", file, "--into", "mine", "--language", "en")
    assert command("publish", "mine", "--data", "data").code == 0
    exported = command("export", "-", "--data", "data").out
    assert "my-archive" in exported
    for said in ("ann-example", "Ann", "Hello"):
        assert said not in exported
    command("bring", "vtt", file, "--into", "mine", "--language", "en", "--consent", "direct")
    command("publish", "mine", "--data", "data")
    assert "Hello there." in command("export", "-", "--data", "data").out


# --- Tables -----------------------------------------------------------------------------------------------------------

INCIDENTS = """Case,Headline,When,Weapon,Injured,City,Notes
c1,A stop,03/05/2021,Baton,2,Arden,
c2,A march,23/05/2021,baton,,Arden,"He said, no"
c3,A raid,someday,Gas,3,Old Market,
c4,Another stop,24/05/2021,Gas,1,Arden,
"""


def test_a_map_is_suggested_from_the_table(tmp_path: Path) -> None:
    rows = foreign_rows(write(tmp_path / "a.csv", INCIDENTS), Brought("table"))
    columns = suggest(rows).columns
    assert columns["Headline"].field == "title"
    assert columns["City"].make == "place"
    assert (columns["Injured"].field, columns["Injured"].kind) == ("custom.injured", "number")
    assert columns["Weapon"].kind == "term"


def test_what_tells_who_somebody_is_is_kept_and_not_published(command: Any, tmp_path: Path) -> None:
    table = "id,title,Victim,Contact phone,Имя\n1,A stop,Ann Example,0123,Анна\n2,A raid,Bo Example,0456,Бо\n"
    file = write(tmp_path / "a.csv", table)
    how = write(tmp_path / "m.toml", command("bring", "table", file, "--suggest").out)
    command("bring", "table", file, "--into", "mine", "--map", how)
    records = records_of(tmp_path / "mine")["event"]
    assert records[0]["identifiers"] == [{"scheme": "id", "value": "1"}]
    assert len(records[0]["access"]["private"]) == 3
    assert command("check", "mine").code == 0
    command("publish", "mine", "--data", "data")
    exported = command("export", "-", "--data", "data").out
    assert "A raid" in exported
    assert not [told for told in ("Ann Example", "0123", "Анна") if told in exported]


def test_a_field_of_the_archive_that_holds_something_else_is_not_written_to(command: Any, tmp_path: Path) -> None:
    file, how = write(tmp_path / "a.csv", INCIDENTS), write(tmp_path / "m.toml", MAP)
    command("bring", "table", file, "--into", "mine", "--map", how, "--new-terms")
    how.write_text(MAP.replace('kind = "number"', 'kind = "text"'))
    before = {path.name: path.read_bytes() for path in (tmp_path / "mine").glob("*.*")}
    ran = command("bring", "table", file, "--into", "mine", "--map", how, "--new-terms")
    assert ran.code == 1
    assert "custom.injured is there already and holds one (number), not one (text)" in ran.err
    assert {path.name: path.read_bytes() for path in (tmp_path / "mine").glob("*.*")} == before


MAP = """
key = ["Case"]
language = "en"
constants = { type = "detention" }
[columns.Case]
leave = "the number of the case is kept nowhere"
[columns.Headline]
field = "title"
[columns.When]
field = "date"
date = "day-first"
[columns.Weapon]
field = "custom.weapon"
label = "Weapon"
kind = "term"
vocabulary = "weapon"
[columns.Injured]
field = "custom.injured"
label = "Injured"
kind = "number"
[columns.City]
field = "place"
make = "place"
[columns.Notes]
field = "summary"
"""


def test_a_table_becomes_events_by_its_map(command: Any, tmp_path: Path) -> None:
    bring = (
        "bring",
        "table",
        write(tmp_path / "a.csv", INCIDENTS),
        "--into",
        "mine",
        "--map",
        write(tmp_path / "m.toml", MAP),
    )
    refused = command(*bring)
    assert (refused.code, refused.out) == (1, "")
    assert "weapon: Baton, Gas" in refused.err
    assert not (tmp_path / "mine").exists()
    ran = command(*bring, "--new-terms")
    assert ran.code == 0
    assert "left\ta.csv\trow 4, column When" in ran.out
    records = records_of(tmp_path / "mine")
    assert [each["date"] for each in records["event"]] == ["2021-05-03", "2021-05-23", None, "2021-05-24"]
    assert records["event"][2]["date_note"] == "The table says: someday."
    assert [each["custom"]["weapon"] for each in records["event"]] == ["Baton", "Baton", "Gas", "Gas"]
    assert {each["name"] for each in records["place"]} == {"Arden", "Old Market"}
    checked = command("check", "mine")
    assert checked.code == 0, checked.out
    again = command(*bring)
    assert "unchanged: 4 event" in again.err


def test_a_workbook_and_json_are_tables_too(command: Any, tmp_path: Path) -> None:
    rows = [line.split(",") for line in INCIDENTS.replace('"He said, no"', "").splitlines()]
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    book.save(tmp_path / "a.xlsx")
    listed = {"about": "x", "incidents": [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]}
    write(tmp_path / "a.json", json.dumps(listed))
    how = write(tmp_path / "m.toml", MAP)
    for name in ("a.xlsx", "a.json"):
        into = name.replace(".", "-")
        assert command("bring", "table", tmp_path / name, "--into", into, "--map", how, "--new-terms").code == 0
        assert len(records_of(tmp_path / into)["event"]) == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[columns.Notes]", "[columns.Other]"), "Notes"),
        (('field = "summary"', 'field = "title"'), "2 columns to `title`"),
        (('field = "summary"', 'field = "sumary"'), "sumary"),
        (('kind = "number"', 'kind = "nomber"'), "columns.Injured.kind"),
        (('key = ["Case"]', 'key = ["City"]'), "one key"),
        (('field = "summary"', 'field = "citations"'), "parts that a cell cannot hold"),
        (("[columns.Notes]", '[point]\nlatitude = "Notes"\n[columns.Notes]'), "a column for `latitude` and one for"),
        (("[columns.Notes]", '[point]\ncolumn = "Notes"\nradius_m = 0\n[columns.Notes]'), "greater than 0"),
        (("[columns.Case]", "[columns.Case"), "TOML"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(command: Any, tmp_path: Path, change: tuple[str, str], said: str) -> None:
    how = write(tmp_path / "m.toml", MAP.replace(*change))
    ran = command("bring", "table", write(tmp_path / "a.csv", INCIDENTS), "--into", "mine", "--map", how, "--new-terms")
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
    assert not (tmp_path / "mine").exists()


# --- Uwazi ------------------------------------------------------------------------------------------------------------

UWAZI = """Title__en, Title__es, kind, tags list, geolocation_geolocation, related, file, span, phone, date
One,Uno,Raid,a|B,1.234567|2.345678,Two,1.pdf|2.txt,2020-01-05~2020-02-03,0123,2020-01-05
Two,Dos, raid ,b,,,,,,
Three,Tres,Nested::Deep,A,x|y,One|Two|Nobody,other/1.pdf,2020-01-05~,,
Four,Cuatro,Raid,a,,Four,../1.pdf,,,
"""


def test_a_table_of_uwazi_becomes_events(command: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "u.csv", UWAZI)
    bring = ("bring", "uwazi", file, "--into", "mine", "--new-terms", "--json")
    told = json.loads(command(*bring).out)
    assert told["created"]["event"] == 4
    assert [(each["where"], each["what"]) for each in told["left"]] == [
        ("column phone", "the column"),
        ("row 4, column geolocation_geolocation", "a point"),
        ("column geolocation_geolocation", "1 points"),
        ("column file", "files (1.pdf, 2.txt, 1.pdf, 1.pdf)"),
        ("row 4, column related", "a reference"),
    ]
    events = {each["title"]: each for each in records_of(tmp_path / "mine")["event"]}
    assert events["One"]["translations"] == {"es": {"title": "Uno"}}
    assert [events[name]["custom"]["kind"] for name in ("One", "Two", "Three")] == ["Raid", "Raid", "Nested::Deep"]
    assert events["One"]["custom"]["tags_list"] == ["a", "B"]
    assert events["Three"]["custom"]["related"] == [events["One"]["id"], events["Two"]["id"]]
    assert events["Three"]["custom"]["related_titles"] == ["Nobody"]
    assert [events[name]["custom"]["span"] for name in ("One", "Three")] == ["2020-01-05/2020-02-03", "2020-01-05/.."]
    assert events["One"]["custom"]["date_stated"] == "2020-01-05"
    private = events["One"]["access"]["private"]
    assert private == {"point": "1.234567|2.345678", "file": ["1.pdf", "2.txt"], "phone": "0123"}
    assert events["Three"]["access"]["private"]["point"] == "x|y"
    assert command("check", "mine").code == 0
    assert json.loads(command(*bring).out)["unchanged"] == {"event": 4, "source": 1}


def test_files_that_lie_beside_a_table_of_uwazi_are_brought(command: Any, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    file = write(given / "u.csv", UWAZI)
    (given / "1.pdf").write_bytes(b"%PDF-1.4 one")
    write(given / "2.txt", "two")
    bring = ("bring", "uwazi", file, "--into", "mine", "--new-terms", "--json")
    told = json.loads(command(*bring).out)
    assert not [each for each in told["left"] if each["where"] == "column file"]
    records = records_of(tmp_path / "mine")
    [event] = [each for each in records["event"] if each["title"] == "One"]
    sources = {each["id"]: each for each in records["source"]}
    files = sources[event["citations"][1]["source"]]["files"]
    assert [(each["name"], each["path"], each["media_type"]) for each in files] == [
        ("1.pdf", "media/1.pdf", "application/pdf"),
        ("2.txt", "media/2.txt", "text/plain"),
    ]
    assert (tmp_path / "mine" / "media" / "1.pdf").read_bytes() == b"%PDF-1.4 one"
    assert command("check", "mine").code == 0
    assert json.loads(command(*bring).out)["updated"] == {}
    # Another file of that name takes nothing away, also from an editor.
    (given / "1.pdf").write_bytes(b"%PDF-1.4 another")
    command(*bring)
    assert (tmp_path / "mine" / "media" / "1.pdf").read_bytes() == b"%PDF-1.4 one"
    assert command("check", "mine").code == 0
    published = [path for path in (tmp_path / "mine" / "media").iterdir() if path.name.endswith("-1.pdf")]
    assert [path.read_bytes() for path in published] == [b"%PDF-1.4 another"]


EXPORT = """Título,Date added,Template,Kind,Geolocation,Documents,Attachments,Published
A raid,2024-03-01,Incident,Raid,,/files/1.pdf,https://arden.example/api/files/a%20b.txt,Published
A raid,2024-03-02,Incident,Raid,,,,Unpublished
"""


def test_what_an_export_of_uwazi_does_not_publish_is_restricted(command: Any, tmp_path: Path) -> None:
    write(tmp_path / "a b.txt", "words")
    ran = command("bring", "uwazi", write(tmp_path / "e.csv", EXPORT), "--into", "mine", "--new-terms", "--json")
    told = json.loads(ran.out)
    assert [(each["where"], each["what"]) for each in told["left"]] == [
        ("row 3", "an entity called like another"),
        ("column Documents", "files (1.pdf)"),
    ]
    records = records_of(tmp_path / "mine")
    assert [each.get("access", {}).get("visibility") for each in records["event"]] == [None, "restricted"]
    assert [each["custom"]["date_added"] for each in records["event"]] == ["2024-03-01", "2024-03-02"]
    [source] = [each for each in records["source"] if "files" in each]
    assert [each["name"] for each in source["files"]] == ["a b.txt"]
    assert command("check", "mine").code == 0


def test_a_relationship_leads_to_what_was_brought_before(command: Any, tmp_path: Path) -> None:
    command("bring", "uwazi", write(tmp_path / "a.csv", "title,seat\nArden,north\nBeech,south\n"), "--into", "mine")
    ran = command(
        "bring", "uwazi", write(tmp_path / "b.csv", "title,in place\nA raid,Arden\nA march,Cedar\n"), "--into", "mine"
    )
    assert (
        "row 3, column in place\ta reference\tno record is called so; it is kept in custom.in_place_titles" in ran.out
    )
    events = {each["title"]: each for each in records_of(tmp_path / "mine")["event"]}
    assert events["A raid"]["custom"]["in_place"] == [events["Arden"]["id"]]
    assert command("check", "mine").code == 0


# --- Points -----------------------------------------------------------------------------------------------------------

POINTS = """id,title,city,lat,long
1,A raid,Arden,10.123456,20.654321
2,A march,Arden,10.123457,20.654322
3,A stop,,-89.9,179.99
4,A walk,,,
5,A talk,,95,0
"""


def test_points_are_published_only_as_finely_as_a_person_says(command: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "p.csv", POINTS)
    suggested = command("bring", "table", file, "--suggest").out
    assert "# radius_m = 1000" in suggested
    how = write(tmp_path / "m.toml", suggested)
    bring = ("bring", "table", file, "--into", "mine", "--map", how, "--new-terms", "--json")
    told = json.loads(command(*bring).out)
    assert [(each["where"], each["what"]) for each in told["left"]] == [
        ("row 6, column lat, long", "a point"),
        ("column lat, long", "3 points"),
    ]
    records = records_of(tmp_path / "mine")
    assert not [each for each in records["place"] if "latitude" in each]
    assert records["event"][0]["access"]["private"]["point"] == "10.123456|20.654321"
    how.write_text(suggested.replace("# radius_m = 1000", "radius_m = 1000"))
    command(*bring)
    records = records_of(tmp_path / "mine")
    places = {each["id"]: each for each in records["place"]}
    raid, march, stop, walk, talk = records["event"]
    assert raid["place"] == march["place"]
    assert places[raid["place"]]["name"].startswith("Arden (10.")
    assert places[places[raid["place"]]["part_of"]]["name"] == "Arden"
    assert places[stop["place"]]["radius_m"] == 1000
    assert "place" not in walk
    assert "place" not in talk
    assert command("check", "mine").code == 0
    command("publish", "mine", "--data", "data")
    assert "10.1234" not in command("export", "-", "--data", "data").out


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("1.5|2", (1.5, 2)),
        ("1.5, -2.5", (1.5, -2.5)),
        ("(1.5 2.5)", (1.5, 2.5)),
        ("1,5;2,5", (1.5, 2.5)),
        ("1|1", (1, 1)),
        ("91|0", None),
        ("0|181", None),
        ("1.5", None),
        ("1,5,2,5", None),
        ("nan|0", None),
        ("here", None),
        ("", None),
    ],
)
def test_texts_that_are_points(text: str, point: tuple[float, float] | None) -> None:
    assert read_point(text) == (None if point is None else Point(*point))


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(1, 2_000_000))
def test_a_rounded_point_is_within_its_radius_and_tells_no_more(
    latitude: float, longitude: float, radius: float
) -> None:
    point = Point(latitude, longitude)
    rounded = point.rounded(radius)
    assert abs(rounded.latitude) <= 90
    assert abs(rounded.longitude) <= 180
    # What is published is all that is told: rounding it again says the same.
    if abs(latitude) < 80 and abs(longitude) < 178 and 10 <= radius < 100_000:
        assert distance(point, rounded) <= radius + 0.2
        near = Point(rounded.latitude, rounded.longitude).rounded(radius)
        assert distance(near, rounded) < 0.001 * radius


def distance(one: Point, other: Point) -> float:
    """Return how far two points lie apart, in metres."""
    a, b = math.radians(one.latitude), math.radians(other.latitude)
    between = math.radians(other.longitude - one.longitude)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(between / 2) ** 2
    return 2 * 6_371_009 * math.asin(math.sqrt(half))
