"""The closed lists of words of the format."""

from typing import Literal

SourceType = Literal[
    "video",
    "audio",
    "article",
    "report",
    "court_record",
    "interview",
    "dataset",
    "social_media",
    "photograph",
    "document",
    "other",
]
FileRole = Literal["original", "access_copy", "transcript", "subtitles", "thumbnail"]
CustodyAction = Literal["captured", "received", "copied", "hashed", "verified", "transferred"]
AgentKind = Literal["person", "group", "organisation"]
NameKind = Literal["alias", "transliteration", "former"]
#: What is known of somebody's whereabouts.
WhereaboutsStatus = Literal["missing", "detained", "released", "found_alive", "found_dead", "killed", "unknown"]
PlaceKind = Literal["country", "region", "city", "district", "site", "other"]
EventType = Literal[
    "detention",
    "arrest",
    "assault",
    "threat",
    "killing",
    "disappearance",
    "displacement",
    "deployment",
    "policy",
    "protest",
    "conflict",
    "investigation",
    "other",
]
#: What somebody consented to.
ConsentScope = Literal["publish", "translate", "research", "court", "media", "training"]
Attribution = Literal["first_person", "labelled", "contextual"]
ResponseKind = Literal[
    "replied",
    "denied",
    "admitted",
    "acknowledged_receipt",
    "declined",
    "no_response",
    "referred",
    "not_stated",
]
Outcome = Literal["established", "not_established", "acquitted", "annulled", "upheld"]
Qualifier = Literal[
    "exact",
    "about",
    "at_least",
    "more_than",
    "at_most",
    "less_than",
    "between",
    "order_of_magnitude",
    "most",
    "all",
    "none",
    "not_available",
]
#: The fields of an event that somebody may say something else of.
ClaimedField = Literal["date", "place", "type"]
RelationType = Literal[
    "disputes",
    "corroborates",
    "same_original",
    "revises",
    "translation_of",
    "duplicate_of",
    "account_of",
]
#: Of these, a record comes after the one that it names, so that none may lead back to itself.
LATER: frozenset[RelationType] = frozenset({"revises", "translation_of"})
#: Why words are left out of a transcript or of a source's text.
RedactionReason = Literal["consent", "safety", "third_party", "court_order", "illegible"]
#: What somebody did in an interview.
ContributorRole = Literal["interviewer", "interviewee", "interpreter", "translator", "transcriber", "recordist"]
