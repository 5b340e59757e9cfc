// X → Q, K, V → scores → ÷√d → mask → softmax → ·V as grids that know what made each cell.

const term = (a, b) => `${fmt(a)}·${b < 0 ? `(${fmt(b)})` : fmt(b)}`;

// "2.00·1.00 + …", at most six terms
function products(a, b) {
  const terms = a.map((x, k) => term(x, b[k]));
  return (terms.length > 6 ? [...terms.slice(0, 5), `… ${terms.length - 5} more`] : terms).join(" + ").replaceAll("+ −", "− ");
}

class Chain {
  // names of the steps to show, by band; edit(name, i, j, value, done); pick(i): a query was chosen
  constructor(bands, { edit = null, editable = [], pick = null, press = null } = {}) {
    this.root = el("div", "ml-chain");
    this.grids = {};
    this.pick = pick;
    for (const band of bands) {
      const row = el("section", "ml-band");
      row.append(el("h4", "", band.title));
      const line = el("div", "ml-line");
      for (const part of band.parts) {
        if (!STEPS[part]) {
          line.append(el("span", "ml-op", part, { "aria-hidden": "true" }));
          continue;
        }
        const grid = new Grid({ name: part, title: STEPS[part].title, tint: STEPS[part].tint, hover: (i, j) => this.hover(part, i, j) });
        if (editable.includes(part)) grid.about.edit = (i, j, v, done) => edit(part, i, j, v, done);
        if (press?.[part]) grid.about.press = press[part];
        else if (pick && STEPS[part].query) grid.about.press = (i) => pick(i);
        this.grids[part] = grid;
        line.append(grid.root);
      }
      row.append(line);
      this.root.append(row);
    }
    this.formula = el("p", "ml-formula", "", { "aria-live": "polite" });
    this.root.append(this.formula);
    this.root.addEventListener("pointerleave", () => this.rest());
  }

  // data: {words, memory?, X, X2?, Wq…, result, divisor, divisorName, mask, wrong, query, notes?}
  set(data) {
    this.data = data;
    const { words, result: r } = data;
    const memory = data.memory || words;
    const of = { X: data.X, B: data.B, Wq: data.Wq, Wk: data.Wk, Wv: data.Wv, ...r };
    for (const [name, grid] of Object.entries(this.grids)) {
      const rows = STEPS[name].rows === "words" ? words : STEPS[name].rows === "memory" ? memory : null;
      const columns = STEPS[name].columns === "memory" ? memory : null;
      grid.root.hidden = !of[name];
      if (!of[name]) continue;
      const note = data.notes?.[name];
      if (grid.about.note !== note) { grid.about.note = note; grid.titled = ""; }
      grid.set(of[name], rows, columns);
    }
    this.rest();
  }

  rest() {
    if (!this.data) return;
    for (const [name, grid] of Object.entries(this.grids)) {
      if (grid.root.hidden) continue;
      const picked = STEPS[name].query && this.data.query !== undefined;
      grid.mark({ rows: picked ? [this.data.query] : [] });
    }
    const q = this.data.query;
    this.formula.textContent = q === undefined ? "Point at a cell to see what made it." : this.sentence(q);
  }

  sentence(q) {
    const { words, memory = words, result } = this.data;
    const order = memory.map((word, j) => [word, result.weights[q][j]]).sort((a, b) => b[1] - a[1]);
    if (Number.isNaN(order[0][1])) return `“${words[q]}” may look nowhere: a softmax over nothing is not a number.`;
    return `“${words[q]}” takes ${order.slice(0, 3).map(([word, a]) => `${fmt(100 * a, 0)} % of “${word}”`).join(", ")}${order.length > 3 ? " …" : ""}`;
  }

  hover(name, i, j) {
    if (!this.data) return;
    const { marks, text } = STEPS[name].why(this.data, i, j);
    for (const [other, grid] of Object.entries(this.grids)) {
      if (!grid.root.hidden) grid.mark(other === name ? { cells: [`${i},${j}`] } : marks[other]);
    }
    this.formula.textContent = text;
  }
}

const projected = (symbol, source, W) => (d, i, j) => {
  const A = d[source] || d.X;
  const words = source === "B" ? d.memory || d.words : d.words;
  const column = d[W] && d[W].map((row) => row[j]);
  const name = `${symbol.toLowerCase()}[${words[i]}, ${j + 1}]`;
  if (!column) return { marks: {}, text: `${name} = ${fmt(d.result[symbol][i][j])}` };
  return {
    marks: { [d[source] ? source : "X"]: { rows: [i] }, [W]: { columns: [j] } },
    text: `${name} = ${products(A[i], column)} = ${fmt(d.result[symbol][i][j])}`,
  };
};
const given = (symbol) => (d, i, j) => ({ marks: {}, text: `${symbol}, row ${i + 1}, column ${j + 1}: type another number, or drag it sideways` });
const pair = (d, i, j) => `${d.words[i]} → ${(d.memory || d.words)[j]}`;

const STEPS = {
  X: { title: "X", rows: "words", query: true, why: given("X") },
  B: { title: "X of the other set", rows: "memory", why: given("X") },
  Wq: { title: "W_q", why: given("W_q") },
  Wk: { title: "W_k", why: given("W_k") },
  Wv: { title: "W_v", why: given("W_v") },
  Q: { title: "Q = X·W_q", rows: "words", query: true, why: projected("Q", "X", "Wq") },
  K: { title: "K = X·W_k", rows: "memory", why: projected("K", "B", "Wk") },
  V: { title: "V = X·W_v", rows: "memory", why: projected("V", "B", "Wv") },
  scores: {
    title: "scores Q·Kᵀ", rows: "words", columns: "memory", query: true,
    why: (d, i, j) => ({
      marks: { Q: { rows: [i] }, K: { rows: [j] } },
      text: `${pair(d, i, j)}: q·k = ${products(d.result.Q[i], d.result.K[j])} = ${fmt(d.result.scores[i][j])}`,
    }),
  },
  scaled: {
    title: "scaled", rows: "words", columns: "memory", query: true,
    why: (d, i, j) => ({
      marks: { scores: { cells: [`${i},${j}`] } },
      text: `${pair(d, i, j)}: ${fmt(d.result.scores[i][j])} ÷ ${d.divisorName || fmt(d.divisor)} = ${fmt(d.result.scaled[i][j], 3)}`,
    }),
  },
  masked: {
    title: "masked", rows: "words", columns: "memory", query: true,
    why: (d, i, j) => ({
      marks: { scaled: { cells: [`${i},${j}`] } },
      text: d.result.masked[i][j] === -Infinity ? `${pair(d, i, j)}: shut, so −∞: e^−∞ = 0` : `${pair(d, i, j)}: open, ${fmt(d.result.masked[i][j], 3)} stays`,
    }),
  },
  weights: {
    title: "weights softmax", rows: "words", columns: "memory", tint: "weight", query: true,
    why: (d, i, j) => {
      const row = d.result.masked[i];
      const sum = row.reduce((s, v) => s + Math.exp(v), 0);
      const shut = d.wrong && d.mask && !d.mask[i][j];
      return {
        marks: { [d.mask ? "masked" : "scaled"]: { rows: [i] }, masked: { rows: [i] } },
        text: shut ? `${pair(d, i, j)}: set to 0 after the softmax; nobody shared it out again`
          : `${pair(d, i, j)}: e^${fmt(row[j])} ÷ Σ e^… = ${fmt(Math.exp(row[j]), 3)} ÷ ${fmt(sum, 3)} = ${fmt(d.result.weights[i][j], 4)}`,
      };
    },
  },
  output: {
    title: "output weights·V", rows: "words", query: true,
    why: (d, i, j) => ({
      marks: { weights: { rows: [i] }, V: { columns: [j] } },
      text: `${d.words[i]}, feature ${j + 1} = ${products(d.result.weights[i], d.result.V.map((row) => row[j]))} = ${fmt(d.result.output[i][j])}`,
    }),
  },
};
