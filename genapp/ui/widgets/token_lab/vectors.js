// data: {query, title, about, size, width, nearest: [[name, cosine], …], verdict, share: [a, b],
// map: {x, y, names, terms, nearest, expected}}
const body = make("div");
const list = make("div", "nearest", undefined, { role: "list", "aria-label": "Nearest tokens" });
const verdict = make("p", "verdict", "", { "aria-live": "polite" });
const about = make("p", "sub");
const host = make("div", "map");
const caption = make("p", "sub");
const left = make("div");
left.append(verdict, list);
const right = make("div");
right.append(host, caption);
const grid = make("div", "vector-grid");
grid.append(left, right);
const head = heading("Vectors", "Inside a model a token is a row of numbers. Rows that point the same way are neighbours.");
head.append(button(".csv", "Download the neighbours as CSV", save));
body.append(head, grid, about);
const pick = (word) => trigger("select", { word });
const map = new WordMap(host, pick);
let data = null;

function show(sent) {
  data = sent;
  root.dataset.query = data.query;
  root.dataset.table = data.key;
  verdict.textContent = data.verdict;
  about.textContent = data.about;
  const top = Math.max(...data.nearest.map(([, c]) => c), 0.01);
  list.replaceChildren(...data.nearest.map(([name, cosine], i) => {
    const row = make("div", "near", undefined, { role: "listitem" });
    const word = button(visible(name), `Neighbours of ${name.trim()}`, () => pick(name.trim()));
    const track = make("span", "track");
    const bar = make("i");
    bar.style.width = `${Math.max(0, (100 * cosine) / top)}%`;
    track.append(bar);
    row.append(make("small", "", i + 1), word, track, make("b", "", cosine.toFixed(3)));
    return row;
  }));
  const [a, b] = data.share.map((s) => `${(100 * s).toFixed(1)} %`);
  caption.textContent = `${data.title}: ${count(data.size)} rows of ${data.width}, flattened to the two widest axes (they hold ${a} and ${b} of the variance; the rest is not seen). Press a dot to ask for it.`;
  map.show(data);
}

function save() {
  if (!data) return;
  take("neighbours.csv", "text/csv", [`${quote(data.query)},${quote(data.title)}`, ...data.nearest.map(([n, c]) => `${quote(n)},${c}`)].join("\n"));
}

cardOf(body, show);
