// A list with facets, a record and its evidence: all that a front end asks for, with fetch alone.
// Texts of the archive are put in as text, never as HTML.

const form = document.getElementById("ask");
form.base.value = new URLSearchParams(location.search).get("archive") ?? "http://127.0.0.1:8000";

/** Ask the API. A problem (RFC 9457) says in `detail` and `errors` what is wrong and what would be accepted. */
async function ask(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
}

/** Return an element with a text and others in it. */
function element(name, text, ...inner) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...inner);
  return made;
}

/** Return a button that does something. */
function button(text, act) {
  const made = element("button", text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

/** Draw one page of the list, the topics that narrow it, and the way to the next page. */
async function showList(address) {
  const page = await ask(address);
  document.getElementById("total").textContent = `${page.meta.total} in the list`;
  const items = page.data.map((each) => {
    const open = button(each.title, () => showRecord(each.id));
    const warnings = each.content_warnings.length ? [warning(each.content_warnings)] : [];
    return element("li", "", ...warnings, open, element("p", `${each.witness.label}: ${each.summary}`));
  });
  if (page.links.next) items.push(element("li", "", button("Next page", () => showList(page.links.next))));
  document.getElementById("list").replaceChildren(...items);
  if (page.facets) showTopics(page.facets.topic);
}

function showTopics(buckets) {
  // `value: null` counts the records that name no topic.
  const known = buckets.filter((each) => each.value !== null);
  const buttons = known.map((each) =>
    element("li", "", button(`${each.label} (${each.count})`, () => showList(listAddress({ topic: each.value })))),
  );
  document.getElementById("topics").replaceChildren(...buttons);
}

function listAddress(filters) {
  const asked = new URLSearchParams({ facets: "topic", limit: "10", ...filters });
  if (form.q.value) asked.set("q", form.q.value);
  return `${form.base.value}/v1/testimonies?${asked}`;
}

function warning(texts) {
  const made = element("p", `Before you read: ${texts.join(", ")}`);
  made.className = "warning";
  return made;
}

/** Draw a record: warnings first, then what was said, then where it stands in the sources. */
async function showRecord(id) {
  const record = await ask(`${form.base.value}/v1/testimonies/${id}`);
  const article = document.getElementById("record");
  const warnings = record.content_warnings.length ? [warning(record.content_warnings)] : [];
  const evidence = record.citations.map((each) => {
    const place = each.evidence === "anchored" ? `, characters ${each.start} to ${each.end}, SHA-256 ` : "";
    return element("li", `${each.source.label} (${each.evidence})${place}`, element("code", each.sha256 ?? ""));
  });
  article.replaceChildren(
    ...warnings,
    element("h2", record.title),
    element("p", record.summary),
    element("h3", "Evidence"),
    element("ul", "", ...evidence),
  );
  article.hidden = false;
  article.scrollIntoView();
}

function start(event) {
  event?.preventDefault();
  showList(listAddress({})).catch((error) => {
    document.getElementById("total").textContent = error.message;
  });
}

form.addEventListener("submit", start);
start();
