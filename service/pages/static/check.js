// Checks citations against the reader's own copy of a source. The copy stays in this page: nothing is sent, nothing is stored.

/** Return the SHA-256 of some bytes in hexadecimal digits. */
export async function sha256(bytes) {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Compare one passage with a copy: "right", "wrong", or "short" where the copy ends before it. Offsets count code points. */
export async function checkPassage(points, { start, end, sha256: expected }) {
  if (end > points.length) return "short";
  const found = await sha256(new TextEncoder().encode(points.slice(start, end).join("")));
  return found === expected ? "right" : "wrong";
}

/** Read the passages that were taken out of a source's text: "12-40 90-120", in code points. */
function passagesOf(stated) {
  return (stated ?? "").split(" ").filter(Boolean).map((each) => each.split("-").map(Number));
}

/** Return a text, as code points, with each code point of these passages replaced by a blank: as the archive has it. */
export function blanked(points, passages) {
  const left = [...points];
  for (const [start, end] of passages) left.fill("\u2588", start, end);
  return left;
}

/** Tell what a copy is to a source, as `verify` does: "whole", "redacted" where it still holds what was taken out, or "other". */
export async function checkCopy(bytes, points, { whole, redactions }) {
  if ((await sha256(bytes)) === whole) return "whole";
  const passages = passagesOf(redactions);
  if (passages.length === 0) return "other";
  return (await sha256(new TextEncoder().encode(blanked(points, passages).join("")))) === whole ? "redacted" : "other";
}

/** Show what was found beside a citation. */
function show(citation, kind, text) {
  const verdict = document.createElement("strong");
  verdict.className = `verdict ${kind === "right" || kind === "gap" ? "right" : "wrong"}`;
  verdict.textContent = text;
  citation.append(verdict);
  citation.closest("details")?.setAttribute("open", "");
}

async function checkAll(section, file, output) {
  const said = section.dataset;
  for (const old of document.querySelectorAll(".verdict")) old.remove();
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    output.textContent = said.unreadable;
    return;
  }
  const points = Array.from(text);
  const citations = [...document.querySelectorAll("[data-sha256]")];
  const sources = new Map(citations.map((citation) => [citation.dataset.source, citation.dataset]));
  const found = new Map();
  for (const [source, stated] of sources) found.set(source, await checkCopy(bytes, points, stated));
  // A copy that is the text of one source is not held against what is cited from others.
  const known = [...found].filter(([, kind]) => kind !== "other");
  const compared = known.length === 0 ? citations : citations.filter(({ dataset }) => known.some(([source]) => source === dataset.source));
  let right = 0;
  for (const citation of compared) {
    const { start, end, sha256: expected, redactions } = citation.dataset;
    const gaps = passagesOf(redactions);
    const passage = { start: Number(start), end: Number(end), sha256: expected };
    // Hashes of passages are those of the text with its gaps.
    const kind = await checkPassage(blanked(points, gaps), passage);
    const hasGap = gaps.some(([first, last]) => first < passage.end && passage.start < last);
    right += kind === "right";
    show(citation, kind, said[kind === "right" && hasGap ? "gap" : kind]);
  }
  output.textContent = `${said[known[0]?.[1] ?? "other"]} (${right} / ${compared.length})`;
}

const section = document.getElementById("check");
if (section) {
  const output = section.querySelector("output");
  section.hidden = false;
  if (globalThis.crypto?.subtle) {
    section.querySelector("input").addEventListener("change", (event) => {
      const [file] = event.target.files;
      if (file) checkAll(section, file, output);
    });
  } else {
    section.querySelector("input").disabled = true;
    output.textContent = section.dataset.unable;
  }
}
