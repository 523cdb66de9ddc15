// Plays a recording with its transcript: a link to a second moves the player on the page there, and what is being said is marked.

/** Return an address without what names a part of it. */
const whole = (address) => address.split("#")[0];

/** Return the line among these, in order of time, that is said at a second. */
export function lineAt(lines, second) {
  return lines.findLast((line) => line.start <= second && (line.end === null || second < line.end));
}

const players = new Map([...document.querySelectorAll("audio, video")].map((player) => [whole(player.src), player]));

for (const [address, player] of players) {
  const lines = [];
  for (const link of document.querySelectorAll("a.play")) {
    if (whole(link.href) !== address) continue;
    const element = link.closest("[data-start]");
    const { start, end } = element.dataset;
    lines.push({ element, start: Number(start), end: end ? Number(end) : null });
    link.addEventListener("click", (event) => {
      event.preventDefault();
      player.closest("details")?.setAttribute("open", "");
      player.currentTime = Number(start);
      player.play().catch(() => {}); // The reader may have forbidden it; the player stands at the place all the same.
    });
  }
  lines.sort((one, other) => one.start - other.start);
  let marked;
  player.addEventListener("timeupdate", () => {
    const said = lineAt(lines, player.currentTime)?.element;
    if (said === marked) return;
    marked?.removeAttribute("aria-current");
    said?.setAttribute("aria-current", "true");
    marked = said;
  });
}
