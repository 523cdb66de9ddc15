"""The words that records are told with: closed vocabularies of the format, names of fields, filters and orders.

`N_` marks a text as a message of the interface, so that a test finds those that are not translated.
"""

from service.pages.languages import N_, Words

#: Collections in the order in which the menu lists them.
COLLECTIONS = {
    "testimonies": N_("Testimonies"),
    "events": N_("Events"),
    "statistics": N_("Figures"),
    "responses": N_("Responses"),
    "sources": N_("Sources"),
    "agents": N_("People and bodies"),
    "places": N_("Places"),
    "topics": N_("Topics"),
}

#: What one record of each type is called.
RECORDS = {
    "testimony": N_("Testimony"),
    "event": N_("Event"),
    "statistic": N_("Figure"),
    "response": N_("Response"),
    "source": N_("Source"),
    "agent": N_("Person or body"),
    "place": N_("Place"),
    "topic": N_("Topic"),
}

#: Values of closed vocabularies, by the value as it stands in records. A value that is not here is shown as it stands.
VALUES = {
    # types of events
    "detention": N_("Detention"),
    "arrest": N_("Arrest"),
    "assault": N_("Assault"),
    "threat": N_("Threat"),
    "killing": N_("Killing"),
    "disappearance": N_("Disappearance"),
    "displacement": N_("Displacement"),
    "deployment": N_("Deployment"),
    "policy": N_("Policy"),
    "protest": N_("Protest"),
    "conflict": N_("Conflict"),
    "investigation": N_("Investigation"),
    "other": N_("Other"),
    # types of sources
    "video": N_("Video"),
    "audio": N_("Sound recording"),
    "article": N_("Article"),
    "report": N_("Report"),
    "court_record": N_("Court record"),
    "interview": N_("Interview"),
    "dataset": N_("Dataset"),
    "social_media": N_("Social media"),
    "photograph": N_("Photograph"),
    "document": N_("Document"),
    # kinds of agents and places
    "person": N_("Person"),
    "group": N_("Group"),
    "organisation": N_("Organisation"),
    "country": N_("Country"),
    "region": N_("Region"),
    "city": N_("City"),
    "district": N_("District"),
    "site": N_("Site"),
    # what was known of a person
    "missing": N_("Missing"),
    "detained": N_("Detained"),
    "released": N_("Released"),
    "found_alive": N_("Found alive"),
    "found_dead": N_("Found dead"),
    "killed": N_("Killed"),
    "unknown": N_("Not known"),
    # other names
    "alias": N_("also called so"),
    "transliteration": N_("in another script"),
    "former": N_("formerly"),
    # attribution
    "first_person": N_("In the witness’s own words"),
    "labelled": N_("Told by others, who name the witness as its origin"),
    "contextual": N_("Gathered from the context"),
    # kinds of responses
    "replied": N_("Replied"),
    "denied": N_("Denied"),
    "admitted": N_("Admitted"),
    "acknowledged_receipt": N_("Confirmed that it was asked"),
    "declined": N_("Declined to comment"),
    "no_response": N_("Did not answer"),
    "referred": N_("Referred the asker to somebody else"),
    "not_stated": N_("Not stated whether there was an answer"),
    # how far an act is established
    "alleged": N_("Alleged"),
    "reported": N_("Reported"),
    "established": N_("Established"),
    "rejected": N_("Not upheld"),
    # findings
    "not_established": N_("Not established"),
    "acquitted": N_("Acquitted"),
    "annulled": N_("Annulled"),
    "upheld": N_("Upheld"),
    # grades of evidence
    "anchored": N_("Exact passage"),
    "located": N_("Page or time"),
    "cited": N_("Source only"),
    # qualifiers
    "exact": N_("exactly"),
    "about": N_("about"),
    "at_least": N_("at least"),
    "more_than": N_("more than"),
    "at_most": N_("at most"),
    "less_than": N_("less than"),
    "between": N_("between two numbers"),
    "order_of_magnitude": N_("an order of magnitude"),
    "most": N_("most"),
    "all": N_("all"),
    "none": N_("none"),
    "not_available": N_("not available"),
    # consent
    "direct": N_("Consent given to the archive"),
    "published_source": N_("Taken from a published source"),
    "guardian": N_("Consent given by a guardian"),
    "none_recorded": N_("No consent recorded"),
    # what a consent covers
    "publish": N_("publication"),
    "translate": N_("translation"),
    "research": N_("research"),
    "court": N_("use in court"),
    "media": N_("use by media"),
    "training": N_("training"),
    # what files are to a source
    "original": N_("Original"),
    "access_copy": N_("Copy to watch, hear or read"),
    "transcript": N_("Transcript"),
    "subtitles": N_("Subtitles"),
    "thumbnail": N_("Small picture"),
    # what was done with a source
    "captured": N_("Captured"),
    "received": N_("Received"),
    "copied": N_("Copied"),
    "hashed": N_("Fingerprint taken"),
    "verified": N_("Fingerprint compared"),
    "transferred": N_("Handed over"),
    # who contributed to an interview
    "interviewer": N_("Interviewer"),
    "interviewee": N_("Interviewee"),
    "interpreter": N_("Interpreter"),
    "translator": N_("Translator"),
    "transcriber": N_("Transcriber"),
    "recordist": N_("Recordist"),
    # why words are left out
    "consent": N_("no consent"),
    "safety": N_("somebody’s safety"),
    "third_party": N_("about somebody else"),
    "court_order": N_("order of a court"),
    "illegible": N_("cannot be made out"),
    # how records stand to each other, and the same from the other end
    "disputes": N_("Disputes"),
    "corroborates": N_("Corroborates"),
    "same_original": N_("From the same original as"),
    "revises": N_("Revises"),
    "translation_of": N_("Translation of"),
    "duplicate_of": N_("Duplicate of"),
    "account_of": N_("Account of"),
    "from_disputes": N_("Disputed by"),
    "from_corroborates": N_("Corroborated by"),
    "from_same_original": N_("From the same original as"),
    "from_revises": N_("Revised by"),
    "from_translation_of": N_("Translated in"),
    "from_duplicate_of": N_("Repeated in"),
    "from_account_of": N_("Told in"),
    # what a filter takes
    "possible": N_("possible"),
    "certain": N_("certain"),
    "null": N_("none stated"),
    # truth
    "true": N_("yes"),
    "false": N_("no"),
}

#: What a grade of evidence means to who wants to check it.
GRADES = {
    "anchored": N_(
        "The passage is named by its place in the source’s text and its fingerprint; any copy can be checked."
    ),
    "located": N_("The page of the source, or the time in the recording, is named."),
    "cited": N_("The source is named, but not where in it."),
}

#: Names of filters.
FILTERS = {
    "q": N_("Words"),
    "topic": N_("Topic"),
    "place": N_("Place"),
    "source": N_("Source"),
    "witness": N_("Witness"),
    "contributor": N_("Contributor"),
    "event": N_("Event"),
    "language": N_("Language"),
    "reported_by": N_("Reported by"),
    "attribution": N_("How it is attributed"),
    "type": N_("Type"),
    "participant": N_("Who took part"),
    "act": N_("Act"),
    "country": N_("Country"),
    "undated": N_("Undated"),
    "unit": N_("Unit"),
    "qualifier": N_("How it was stated"),
    "asserted_by": N_("Stated by"),
    "relative_to": N_("Part of the figure"),
    "party": N_("By"),
    "kind": N_("Kind"),
    "about": N_("What it is about"),
    "publisher": N_("Publisher"),
    "broader": N_("Broader topic"),
    "date": N_("Date"),
    "disputed": N_("Accounts differ"),
    "relation": N_("Relation"),
    "related_to": N_("Relates to"),
    "series": N_("Series"),
    "current": N_("Not revised"),
    "sex": N_("Sex"),
    "age": N_("Age"),
    "period_from": N_("From"),
    "period_to": N_("To"),
    "part_of": N_("Part of"),
    "media_type": N_("Type of a file"),
    "file_role": N_("Role of a file"),
    "recorded_from": N_("Recorded from"),
    "recorded_to": N_("Recorded until"),
    "recorded_match": N_("Date match"),
    "recorded": N_("Recorded"),
    "birth": N_("Born"),
    "birth_match": N_("Date match"),
    "death": N_("Died"),
    "death_match": N_("Date match"),
    "period": N_("Period"),
    "period_match": N_("Date match"),
    "place_match": N_("Place match"),
    "value": N_("Figure"),
    "value_match": N_("Figure match"),
    "year": N_("Year"),
    "month": N_("Month"),
    "id": N_("Identifier"),
    "refers_to": N_("Names the record"),
    "date_from": N_("From"),
    "date_to": N_("To"),
    "date_match": N_("Date match"),
    "value_min": N_("At least"),
    "value_max": N_("At most"),
    "updated_since": N_("Changed since"),
    "bbox": N_("Map section"),
    "collection": N_("Collection"),
    "status": N_("Status"),
    "member_of": N_("Member of"),
    "tag": N_("Tags"),
    "licence": N_("Licence"),
    "identifier": N_("Identifiers"),
    "birth_from": N_("Born from"),
    "birth_to": N_("Born until"),
    "death_from": N_("Died from"),
    "death_to": N_("Died until"),
}

#: What the bounds of a field of the archive's own are called, by the end of the filter's name.
BOUNDS = {
    "": "%(name)s",
    "_from": N_("%(name)s, from"),
    "_to": N_("%(name)s, to"),
    "_min": N_("%(name)s, at least"),
    "_max": N_("%(name)s, at most"),
    "_match": N_("%(name)s, match"),
}

#: Names of orders, without the minus that reverses them.
ORDERS = {
    "id": N_("As filed"),
    "relevance": N_("Best match"),
    "title": N_("Title"),
    "label": N_("Name"),
    "name": N_("Name"),
    "date": N_("Date"),
    "given": N_("When it was given"),
    "published": N_("When it was published"),
    "recorded": N_("When it was recorded"),
    "stated_on": N_("When it was stated"),
    "period": N_("Period"),
    "value": N_("Figure"),
    "birth": N_("Born"),
    "death": N_("Died"),
    "updated_at": N_("Last changed"),
}

#: What problems say to people, by their slug: title and advice.
PROBLEMS = {
    "not-found": (
        N_("There is nothing here"),
        N_("The address may be mistyped, or the record is not public. Look for it in the lists or by its words."),
    ),
    "withdrawn": (N_("This record was withdrawn"), N_("Its content is gone, and will not come back.")),
    "invalid-parameters": (
        N_("This list cannot be shown so"),
        N_("Something in the address is not understood. Take it out, or begin again from the list."),
    ),
    "invalid-cursor": (
        N_("This page of the list is no longer there"),
        N_("The list has changed or was filtered otherwise. Begin again from its first page."),
    ),
    "too-deep": (
        N_("So far down, the order says little"),
        N_("Narrow the search with more words, or begin again from its first page."),
    ),
    "not-ready": (N_("The archive is not open yet"), N_("Nothing has been published here yet. Try again in a while.")),
    "busy": (N_("Too many are searching just now"), N_("Try again in a few seconds.")),
    "release-damaged": (
        N_("The archive is being repaired"),
        N_("Some of it cannot be read just now. Try again later."),
    ),
    "internal-error": (N_("Something went wrong here"), N_("It is not your fault. Try again later.")),
}


def word_of(value: object, words: Words) -> str:
    """Return the word for a value of a closed vocabulary; of an unknown one, the value itself with spaces."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return words.text(VALUES[text]) if text in VALUES else text.replace("_", " ")


def filter_name(name: str, words: Words) -> str:
    """Return the name of a filter, or the name of the parameter where it has none."""
    if name.endswith("!"):
        return words.text("not %(filter)s", filter=filter_name(name[:-1], words))
    return words.text(FILTERS[name]) if name in FILTERS else name.replace("_", " ")


def order_name(order: str, words: Words) -> str:
    """Return the name of an order; a leading minus reverses it."""
    plain = order.removeprefix("-")
    name = words.text(ORDERS[plain]) if plain in ORDERS else plain.replace("_", " ")
    return reversed_name(order, name, words)


def reversed_name(order: str, name: str, words: Words) -> str:
    """Return the name of an order, or of its reverse where the order begins with a minus."""
    return words.text("%(order)s, reversed", order=name) if order.startswith("-") else name
