// data: {characters: [[text, code point, name, [byte, …]], …], tokens: [[id, [byte, …], alone,
// streamed, [waiting byte, …]], …], totals, compare: [[title, text, characters, bytes, tokens], …]}
const SHOWN = 120;
const body = make("div");
const letters = make("div", "letters", undefined, { role: "list", "aria-label": "Characters and their bytes" });
const legend = make("p", "sub legend");
const tokens = make("div", "bytetokens", undefined, { role: "list", "aria-label": "Tokens" });
const feed = make("label", "feed", "Feed tokens ");
const slider = make("input", "", undefined, { type: "range", min: 0, max: 0, step: 1, "aria-label": "Tokens fed to the decoders" });
const out = make("output");
feed.append(slider, out);
const streams = make("dl", "streams");
const scripts = make("div", "wide");
body.append(
  heading("Bytes", "Below every character lie 1 to 4 bytes of UTF-8; a byte-level tokenizer reads only those."),
  legend, letters, make("h4", "", "GPT-mini's tokens of them, each decoded alone"), tokens, feed, streams,
  make("h4", "", "The same sentence in four scripts"), scripts,
);
let data = null;
const hex = (bytes) => bytes.map((b) => b.toString(16).padStart(2, "0").toUpperCase()).join(" ");

function show(sent) {
  data = sent;
  const t = data.totals;
  legend.textContent = `${count(t.characters)} characters, ${count(t.bytes)} bytes, ${count(t.tokens)} tokens. `;
  for (const n of [1, 2, 3, 4]) legend.append(make("span", `len l${n}`, `${n} byte${n > 1 ? "s" : ""}: ${count(t.lengths[n - 1])}`), " ");
  letters.replaceChildren(...data.characters.slice(0, SHOWN).map(letter));
  if (data.characters.length > SHOWN) letters.append(make("small", "", `… and ${count(data.characters.length - SHOWN)} more`));
  tokens.replaceChildren(...data.tokens.slice(0, SHOWN).map(token));
  if (data.tokens.length > SHOWN) tokens.append(make("small", "", `… and ${count(data.tokens.length - SHOWN)} more`));
  slider.max = Math.min(data.tokens.length, SHOWN);
  const first = data.tokens.findIndex(([, , , , waiting]) => waiting.length > 1);
  slider.value = first >= 0 && first < SHOWN ? first + 1 : slider.max; // amid a character, if there is one
  fed();
  compare();
}

function letter([text, code, name, bytes]) {
  const node = make("span", `letter l${bytes.length}`, undefined, { role: "listitem", title: `U+${code.toString(16).toUpperCase().padStart(4, "0")} ${name}` });
  node.append(make("b", "", visible(text)), make("code", "", hex(bytes)));
  return node;
}

function token([id, bytes, alone], i) {
  const node = make("span", "bytetoken", undefined, { role: "listitem", title: `id ${id}` });
  node.append(piece(alone, i, alone.includes("\ufffd")), make("code", "", hex(bytes)), make("small", "", id));
  return node;
}

function fed() {
  const n = Number(slider.value);
  const given = data.tokens.slice(0, n);
  const waiting = n ? given[n - 1][4] : [];
  out.textContent = `${n} of ${slider.max}`;
  slider.setAttribute("aria-valuetext", out.textContent);
  [...tokens.children].forEach((node, i) => node.classList.toggle("fed", i < n));
  const rows = [
    ["each token alone", given.map((t) => t[2]).join("")],
    ["waiting for whole characters", given.map((t) => t[3]).join("")],
    ["held back", waiting.length ? hex(waiting) : "nothing"],
  ];
  streams.replaceChildren(...rows.flatMap(([name, text]) => [make("dt", "", name), make("dd", "", text)]));
}

function compare() {
  const table = make("table");
  const top = make("tr");
  top.append(...["", "characters", "bytes", "tokens", "tokens a character"].map((t) => make("th", "", t, { scope: "col" })));
  table.append(top);
  for (const [title, text, c, b, n] of data.compare) {
    const row = make("tr");
    const name = make("th", "", undefined, { scope: "row" });
    name.append(make("b", "", title), make("small", "", text));
    row.append(name, ...[count(c), count(b), count(n), (n / c).toFixed(2)].map((x) => make("td", "", x)));
    table.append(row);
  }
  scripts.replaceChildren(table);
}

slider.addEventListener("input", fed);
cardOf(body, show);
