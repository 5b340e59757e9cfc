// data: {text, rows: [{name, title, how, pieces: [[text, id, unknown], …], unknown, size, back}]}
const SHOWN = 160; // pieces of a row on the page
const body = make("div");
const table = make("div", "bench", undefined, { role: "table", "aria-label": "The text under each splitter" });
const read = make("p", "read", "", { "aria-live": "polite" });
let data = null;
const head = heading("Splitter bench", "The text above, cut nine ways. Hatched: unknown, its text is lost.");
head.append(button(".csv", "Download the table as CSV", save));
body.append(head, table, read);

const COLUMNS = [
  ["tokens", (r) => count(r.pieces.length)],
  ["unknown", (r) => (r.unknown ? `${count(r.unknown)} · ${Math.round((100 * r.unknown) / r.pieces.length)} %` : "0")],
  ["chars a token", (r) => (data.characters / r.pieces.length).toFixed(2)],
  ["bytes a token", (r) => (data.bytes / r.pieces.length).toFixed(2)],
  ["vocabulary", (r) => count(r.size)],
  ["comes back", (r) => (r.back === data.text ? "yes" : "no")],
];

function show(sent) {
  data = sent;
  const top = make("div", "row top", undefined, { role: "row" });
  top.append(...["splitter", ...COLUMNS.map(([name]) => name)].map((name) => make("span", "", name, { role: "columnheader" })));
  table.replaceChildren(top, ...data.rows.map(line));
  read.textContent = "Point at a token, or walk with the arrow keys, to read its id.";
}

function line(row) {
  const node = make("div", "row", undefined, { role: "row", "data-splitter": row.name });
  const name = make("span", "name", undefined, { role: "rowheader" });
  name.append(make("b", "", row.title), make("small", "", row.how));
  node.append(name);
  for (const [title, of] of COLUMNS) {
    const cell = make("span", "fact", undefined, { role: "cell", "data-fact": title });
    cell.append(make("i", "", title), document.createTextNode(of(row)));
    if (title === "comes back" && row.back !== data.text) {
      cell.title = `comes back as: ${row.back}`;
      cell.classList.add("no");
    }
    if (title === "unknown" && row.unknown) cell.classList.add("no");
    node.append(cell);
  }
  const pieces = make("div", "pieces", undefined, { role: "cell", tabindex: 0, "aria-label": `${row.title}: ${row.pieces.length} tokens` });
  pieces.append(...row.pieces.slice(0, SHOWN).map(([text, , unknown], i) => piece(text, i, unknown)));
  if (row.pieces.length > SHOWN) pieces.append(make("small", "", `… and ${count(row.pieces.length - SHOWN)} more`));
  walk(pieces, row);
  node.append(pieces);
  return node;
}

function walk(pieces, row) {
  let at = -1;
  const last = Math.min(row.pieces.length, SHOWN) - 1;
  const go = (i) => {
    pieces.children[at]?.classList.remove("on");
    at = i;
    if (at < 0) return;
    pieces.children[at].classList.add("on");
    const [text, id, unknown] = row.pieces[at];
    const back = row.back === data.text ? "" : ` The ids give back: ${row.back.length > 90 ? `${row.back.slice(0, 90)}…` : row.back}`;
    read.textContent = `${row.title}, token ${at + 1} of ${row.pieces.length}: “${visible(text)}”, ${unknown ? "unknown" : `id ${id}`}.${back}`;
  };
  pieces.addEventListener("pointerover", (event) => {
    const i = [...pieces.children].indexOf(event.target);
    if (i >= 0 && i <= last) go(i);
  });
  pieces.addEventListener("keydown", (event) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(Math.max(0, Math.min(last, to)));
  });
  pieces.addEventListener("blur", () => go(-1));
}

function save() {
  if (!data) return;
  const lines = [["splitter", "tokens", "unknown", "vocabulary", "comes back", "pieces"].map(quote).join(",")];
  for (const r of data.rows) lines.push([r.title, r.pieces.length, r.unknown, r.size, r.back === data.text, r.pieces.map(([t]) => t).join("|")].map(quote).join(","));
  lines.push(quote(JSON.stringify({ text: data.text, ...data.options })));
  take("tokens.csv", "text/csv", lines.join("\n"));
}

cardOf(body, show);
