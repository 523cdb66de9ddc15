"""Every code that a check gives, with the rule it stands for. The rules themselves stand beside this file."""

from collections.abc import Mapping
from typing import Final

#: Codes that do not stop a publication: what an editor should know, and may have reasons for.
NOTES: Final = frozenset(
    """
    contact_without_address single_source citation_without_passage unknown_table_left_out decimal_comma merged_cells
    hidden_sheet formulas number_as_text active_content
    """.split()
)

#: Every code, with what it stands for.
RULES: Final[Mapping[str, str]] = {
    "invalid_json": "The file is UTF-8 and valid JSON, without repeated keys, NaN or a byte order mark.",
    "unsupported_format": "The format is one that this engine reads.",
    "unknown_field": "Every field is one of the format's.",
    "missing_field": "Every field that is required, or that another field requires, is there.",
    "invalid_type": "Every value has the JSON type of its field.",
    "invalid_value": "Every value is one that its field can take.",
    "invalid_id": "Every identifier is well formed, and its prefix is that of its record's type.",
    "duplicate_id": "No two records have the same identifier, nor two segments of a transcript; none is withdrawn twice.",
    "dangling_reference": "Every reference names a record of the archive, a segment of the same testimony, or a public file of a source that it cites.",
    "wrong_reference_type": "Every reference names a record of a type that its field allows.",
    "reference_cycle": "No source, place, topic, event, testimony, statistic, agent or term is, over any number of steps, part of itself; no record revises or translates itself.",
    "chain_too_long": "No source, place, topic, event, testimony, statistic, agent or term has more than 64 above it.",
    "duplicate_term": "No vocabulary has a term twice, nor terms that differ only in case or in how accents are written.",
    "unknown_term": "Every broader term is one of its vocabulary, or of the list of the format that it adds to.",
    "unknown_vocabulary": "Every field that holds terms names a vocabulary that there is.",
    "name_taken": "No field of the archive's own has the name of another field, or of another's filters.",
    "missing_evidence": "Every record and act that needs a citation has one.",
    "invalid_date": "Every date is an EDTF date of the profile, and in the calendar.",
    "reversed_interval": "No interval ends before it starts.",
    "missing_date_note": "An event whose date is unknown or has an unspecified part says why in `date_note`.",
    "passage_out_of_range": "Every cited passage and time lies inside its source.",
    "invalid_hash": "Every hash is a SHA-256, and that of the text it stands beside.",
    "verbatim_not_permitted": "Words of a source are given only where the source is `verbatim`.",
    "quote_mismatch": "Every quote is the passage that its citation names, by SHA-256.",
    "invalid_bounds": "The bounds of a statistic are in order and hold its value; only bounds have a basis.",
    "qualifier_mismatch": "A statistic has the value and the bounds that its qualifier means.",
    "missing_base": "A statistic that says most or all names, in `relative_to`, the figure it is a part of.",
    "unsupported_bounds": "The bounds of a statistic have a basis.",
    "unsupported_status": "An act is established by the latest finding of a body that the record of it shows; admitted by its actor.",
    "missing_response": "Every actor of an act has a response about the event, or an event that it is part of.",
    "protected_name_present": "The name of an agent who is withheld or has a pseudonym stands nowhere in a public text.",
    "identifying_detail": "Nothing tells who an agent is who is withheld or has a pseudonym: no identifier, match or day of birth or death.",
    "visibility_conflict": "No public record names one that is restricted, under embargo, or not consented to be public.",
    "deanonymising_anchor": "No record in which a protected person has a part leads to words of a source that name them, or to a public file that may show them.",
    "invalid_embargo": "A record has a day its embargo ends if and only if it is embargoed.",
    "missing_consent": "A public testimony says on what footing it is public, and that is not `none_recorded`.",
    "missing_referral": "A response that referred to somebody else says to whom.",
    "invalid_language": "Every language is a BCP 47 tag.",
    "invalid_rights": "Every rights statement is a rightsstatements.org URI or an SPDX identifier.",
    "invalid_coordinates": "A point has latitude, longitude and radius, all within their ranges.",
    "id_withdrawn": "No identifier that was withdrawn is used again.",
    "source_changed": "The text of a source is that of the current release, but for passages that were redacted.",
    "segment_changed": "The name of a segment stands for the same words as in the current release.",
    "unannounced_removal": "Every record of the current release is still in the archive, or withdrawn.",
    "source_hash_mismatch": "The copy of a source has the length, the bytes and the hash that are stated.",
    "passage_hash_mismatch": "Every cited passage has, in the text of the source, the hash that is stated.",
    "source_text_in_summary": "No text here has eight words in a row of a source that is not `verbatim`.",
    "unsafe_path": "The path of a file leads from the folder of the archive file to a regular file inside it.",
    "missing_file": "Every file that has a path is there, and can be read.",
    "file_mismatch": "Every file has the bytes and the SHA-256 that are stated, and does not change while it is read.",
    "media_type_mismatch": "No file is of another type than its media type says, as far as its first bytes tell.",
    "contact_without_address": "The contact holds an address of mail or web, where somebody in danger can write.",
    "single_source": "A testimony rests on more than one source.",
    "invalid_table": "A table can be read: UTF-8 and sound CSV, or a workbook that is not locked.",
    "unknown_table": "A table has a name of the format.",
    "repeated_column": "No column says what another of the same table says.",
    "ambiguous_label": "A label that stands for a record in a table is that of one record alone.",
    "unknown_table_left_out": "Every table is one of the format's.",
    "decimal_comma": "Numbers in tables have a decimal point.",
    "merged_cells": "No cells of a sheet are merged: the first of them alone holds the value.",
    "hidden_sheet": "No sheet is hidden: hidden ones are left out.",
    "formulas": "Cells hold values. Of a formula the value that was saved last is read.",
    "formula_without_value": "Every formula was saved with its value.",
    "number_as_text": "A cell with a text is formatted as text: a number loses the zeros before it.",
    "active_content": "A workbook has no macros and no links to other files: they are never run or followed.",
    "citation_without_passage": "A citation names the passage where the text of its source is known.",
}
