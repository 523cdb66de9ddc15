// Looks every few seconds whether the archive was saved again, and shows what was found then. While nothing has changed, nothing
// moves: who reads or has opened something keeps their place.

const EVERY_MS = 5000;

async function look() {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("main");
  const shown = document.querySelector("main");
  if (!fresh || fresh.innerHTML === shown.innerHTML) return;
  shown.replaceWith(fresh);
  document.title = page.title;
}

document.getElementById("looks").hidden = false;
// A server that was stopped is asked again: the editor starts it when they go on.
setInterval(() => look().catch(() => {}), EVERY_MS);
