"""The rules that compare the records of an archive with each other, as questions to the ledger."""

from collections.abc import Sequence
from typing import NamedTuple


class Comparison(NamedTuple):
    """A rule over all records. `sql` gives each offence: number, place, pointer, and the id it is about."""

    code: str
    detail: str
    sql: str
    #: Whether a record that could not be read would be taken for one that is not there.
    needs_all: bool = False


#: Records above one another, at most: no thesaurus has as many levels, and every record lists all that it is part of.
MAX_LEVELS = 64

COMPARISONS: Sequence[Comparison] = (
    Comparison(
        "chain_too_long",
        f"`{{}}` has more than {MAX_LEVELS} records above it.",
        # From the top down, so that only the first record of a chain that is too far down is told.
        f"""WITH RECURSIVE below(child, depth) AS (
               SELECT child, 1 FROM parent WHERE target NOT IN (SELECT child FROM parent)
               UNION ALL SELECT parent.child, depth + 1 FROM below JOIN parent ON target = below.child
               WHERE depth <= {MAX_LEVELS}
           )
           SELECT number, place, parent.at, child FROM below JOIN parent USING (child) JOIN record USING (number)
           WHERE depth > {MAX_LEVELS}""",  # noqa: S608 - a number of our own
    ),
    Comparison(
        "duplicate_id",
        "`{}` is the id of an earlier record too.",
        """SELECT number, place, '/id', id
           FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY number) AS nth FROM record)
           WHERE nth > 1""",
    ),
    Comparison(
        "duplicate_id",
        "`{}` is listed as withdrawn before.",
        """SELECT number, place, '/id', id
           FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY number) AS nth FROM withdrawn)
           WHERE nth > 1""",
    ),
    Comparison(
        "id_withdrawn",
        "`{}` was withdrawn, and is never used again.",
        """SELECT number, place, '/id', id FROM record
           WHERE id IN (SELECT id FROM withdrawn) OR id IN (SELECT id FROM former_withdrawn)""",
    ),
    Comparison(
        "dangling_reference",
        "There is no record `{}`.",
        """SELECT number, place, at, target FROM reference JOIN record USING (number)
           WHERE target NOT IN (SELECT id FROM record)""",
        needs_all=True,
    ),
    Comparison(
        "wrong_reference_type",
        "Members belong to a group or an organisation, but `{}` is a person.",
        """SELECT membership.number, member.place, at, target
           FROM membership JOIN record AS member USING (number)
           JOIN record AS whole ON whole.id = target JOIN individual ON individual.number = whole.number""",
    ),
    Comparison(
        "visibility_conflict",
        "A public record must not name `{}`, which is not public.",
        """SELECT number, place, at, target FROM reference JOIN record USING (number)
           WHERE NOT is_hidden AND target IN (SELECT id FROM record WHERE is_hidden)""",
    ),
    Comparison(
        "passage_out_of_range",
        "No passage can be named of `{}`, which has no `text`.",
        """SELECT number, place, at, cited
           FROM citation JOIN record USING (number) JOIN source ON source.id = cited
           WHERE stop IS NOT NULL AND length IS NULL""",
    ),
    Comparison(
        "passage_out_of_range",
        "The passage ends after the text of `{}`.",
        """SELECT number, place, at || '/end', cited
           FROM citation JOIN record USING (number) JOIN source ON source.id = cited
           WHERE stop > length""",
    ),
    Comparison(
        "passage_out_of_range",
        "The time is after the end of `{}`.",
        """SELECT number, place, at || '/time', cited
           FROM citation JOIN record USING (number) JOIN source ON source.id = cited
           WHERE until > duration""",
    ),
    Comparison(
        "verbatim_not_permitted",
        "A quote is given of `{}`, which is not `verbatim`.",
        """SELECT number, place, at || '/quote', cited
           FROM citation JOIN record USING (number) JOIN source ON source.id = cited
           WHERE is_quoting AND NOT is_verbatim""",
    ),
    Comparison(
        "verbatim_not_permitted",
        "A transcript is given, but `{}` is not `verbatim`.",
        """SELECT number, place, '/transcript', cited
           FROM transcript JOIN record USING (number) JOIN source ON source.id = cited
           WHERE NOT is_verbatim GROUP BY number""",
    ),
    Comparison(
        "deanonymising_anchor",
        "The very words of a source would tell who `{}` is: cite the source, a page or a time alone, or say `masked`"
        " where they name nobody.",
        """SELECT number, place, at, min(agent) FROM part JOIN exposing USING (number) JOIN record USING (number)
           WHERE is_hidden >= needs_hidden GROUP BY number, at""",
    ),
    Comparison(
        "deanonymising_anchor",
        "A public file may show, sound or name `{}`, who is protected: do not publish it, or say `masked` where it does not.",
        # Who has a part in a record may be in every file of the sources that it rests on, of those that these are parts of,
        # of their parts, and of those that relate to any of them. What is hidden decides nothing about what is public.
        """WITH RECURSIVE resting(source, agent, needs_hidden) AS (
               SELECT target, agent, max(needs_hidden, is_hidden)
               FROM (SELECT 1 FROM shown_file LIMIT 1) CROSS JOIN part
               JOIN record USING (number) JOIN reference USING (number)
               WHERE target >= 'src-' AND target < 'src.' AND at <> '/part_of'
               UNION SELECT id, agent, max(needs_hidden, is_hidden)
               FROM (SELECT 1 FROM shown_file LIMIT 1) CROSS JOIN part JOIN record USING (number)
               WHERE id >= 'src-' AND id < 'src.'
           ), first AS MATERIALIZED (
               SELECT source, min(agent) AS agent, needs_hidden FROM resting GROUP BY source, needs_hidden
           ), touched AS MATERIALIZED (
               SELECT * FROM first
               UNION SELECT related.target, agent, needs_hidden
               FROM first JOIN record ON id = source JOIN related USING (number)
               UNION SELECT id, agent, needs_hidden FROM related JOIN record USING (number) JOIN first ON source = target
           ), up(source, agent, needs_hidden) AS (
               SELECT * FROM touched
               UNION SELECT target, agent, needs_hidden FROM up JOIN parent ON child = source
           ), down(source, agent, needs_hidden) AS (
               SELECT * FROM touched
               UNION SELECT child, agent, needs_hidden FROM down JOIN parent ON target = source
           ), near AS (SELECT * FROM up UNION SELECT * FROM down)
           SELECT shown_file.number, place, at, min(agent)
           FROM shown_file JOIN near USING (source) JOIN record ON record.number = shown_file.number
           WHERE is_hidden >= needs_hidden GROUP BY shown_file.number, at""",
    ),
    Comparison(
        "unsupported_status",
        "`admitted` needs a response of the actor, of kind admitted, whose `about` names `{}`.",
        # What is hidden decides nothing about what is public, here and below.
        """SELECT number, place, at, event FROM claim JOIN record USING (number)
           WHERE NOT EXISTS (SELECT 1 FROM answer JOIN record AS answering ON answering.number = answer.number
                             WHERE party = actor AND about = claim.event AND kind = 'admitted'
                             AND answering.is_hidden <= record.is_hidden)""",
        needs_all=True,
    ),
    Comparison(
        "unsupported_status",
        "`established` needs a court record or a report that `{}` made, among the citations of its finding.",
        # A source that is not there or not valid is told elsewhere: it may have been such a record.
        """SELECT number, place, at, body FROM established JOIN record USING (number)
           WHERE NOT EXISTS (SELECT 1 FROM proof LEFT JOIN source ON source.id = cited
                             WHERE proof.number = established.number AND proof.at = established.at
                             AND (source.id IS NULL OR (is_finding AND EXISTS (
                                 SELECT 1 FROM maker WHERE maker.source = cited AND agent = body))))""",
        needs_all=True,
    ),
    Comparison(
        "missing_response",
        "No response of `{}` is about this event or one it is part of: say at least `not_stated`.",
        """WITH RECURSIVE around(number, at, event, actor) AS (
               SELECT number, at, event, actor FROM accused
               UNION SELECT around.number, around.at, target, actor FROM around JOIN parent ON child = around.event
           ), answered AS (
               SELECT around.number, around.at
               FROM around JOIN answer ON party = actor AND about = around.event
               JOIN record AS answering ON answering.number = answer.number JOIN record ON record.number = around.number
               WHERE answering.is_hidden <= record.is_hidden
           )
           SELECT number, place, at, actor FROM accused JOIN record USING (number)
           WHERE (number, at) NOT IN (SELECT number, at FROM answered)""",
        needs_all=True,
    ),
    Comparison(
        "dangling_reference",
        "No source that `{}` cites has a public file of this name.",
        # The name itself is not told: that of a file which is not public may be anybody's. A source that is not valid is
        # told elsewhere: it may have had the file.
        """SELECT number, place, at, testimony FROM segment_file JOIN record USING (number)
           WHERE NOT EXISTS (SELECT 1 FROM transcript LEFT JOIN source ON source.id = cited
                             LEFT JOIN named_file ON named_file.source = cited AND named_file.name = segment_file.name
                             WHERE transcript.number = segment_file.number
                             AND (source.id IS NULL OR is_public OR (named_file.name IS NOT NULL AND is_hidden)))""",
        needs_all=True,
    ),
    Comparison(
        "citation_without_passage",
        "The text of `{}` is known: the passage could be named.",
        """SELECT number, place, at, cited
           FROM unlocated JOIN record USING (number) JOIN source ON source.id = cited
           WHERE length IS NOT NULL AND number NOT IN
                 (SELECT number FROM part JOIN record USING (number) WHERE is_hidden >= needs_hidden)""",
    ),
    Comparison(
        "source_changed",
        "The text of `{}` is not that of the current release: give a changed text a source of its own.",
        """SELECT number, place, '/text/sha256', source.id FROM source JOIN record ON number = stated_in
           JOIN former_source ON former_source.id = source.id WHERE source.sha256 <> former_source.sha256
           AND source.id NOT IN (SELECT id FROM only_redacted)""",
    ),
    Comparison(
        "segment_changed",
        "`{}` stands for other words in the current release: give other words another name.",
        "SELECT number, place, at, name FROM changed_segment JOIN record USING (number)",
    ),
    Comparison(
        "unannounced_removal",
        "`{}` is in the current release, but neither here nor in `withdrawn`.",
        # Numbered so that it comes after every piece of the file.
        """SELECT 1e18, '', '', id FROM former
           WHERE id NOT IN (SELECT id FROM record) AND id NOT IN (SELECT id FROM withdrawn)""",
        needs_all=True,
    ),
)
