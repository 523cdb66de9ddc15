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

/** Show what was found beside a citation, in place of what was found before. */
function show(citation, kind, text) {
  citation.querySelector(".verdict")?.remove();
  const verdict = document.createElement("strong");
  verdict.className = `verdict ${kind === "right" ? "right" : "wrong"}`;
  verdict.textContent = text;
  citation.append(verdict);
  citation.closest("details")?.setAttribute("open", "");
}

async function checkAll(section, file, output) {
  const said = section.dataset;
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    output.textContent = said.unreadable;
    return;
  }
  const points = Array.from(text);
  const whole = await sha256(bytes);
  const citations = [...document.querySelectorAll("[data-sha256]")];
  const verdicts = new Map();
  for (const citation of citations) {
    const { start, end, sha256: expected } = citation.dataset;
    const kind = await checkPassage(points, { start: Number(start), end: Number(end), sha256: expected });
    verdicts.set(kind, (verdicts.get(kind) ?? 0) + 1);
    show(citation, kind, said[kind]);
  }
  const same = citations.some((citation) => citation.dataset.whole === whole);
  output.textContent = `${same ? said.whole : said.other} (${verdicts.get("right") ?? 0} / ${citations.length})`;
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
