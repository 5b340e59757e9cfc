// Ways to score a key for a query (ATT-17), and why the score is divided (ATT-18).

const PLANE = { points: [[1.5, 0.5], [1, 1.5], [-1.2, 0.8], [0.4, -1.4], [1.8, -0.4]], third: [0.6, -0.3, 0.9, -0.8] };
const WEIGHTS = {
  W: [[1, 0.5], [-0.5, 1]], U: [[1, 0.5], [-0.7, 1]], V: [[0.8, -0.4], [0.3, 1]], w: [[1.5, -1]],
  Wk: [[1, 0], [0.5, 1]], Wq: [[1, -0.5], [0, 1]], e: [[0.8, -0.6]],
};
const FUNCTIONS = [
  ["dot", "dot", "hᵀq", []],
  ["exponential", "exponential", "μ·exp(hᵀq)", []],
  ["bilinear", "bilinear", "hᵀ W q", ["W"]],
  ["additive", "additive", "wᵀ tanh(U h + V q)", ["U", "V", "w"]],
  ["scaled_dot", "scaled dot", "(W_k h)ᵀ(W_q q) / √d", ["Wk", "Wq"]],
  ["query_free", "query-free", "tanh(w·h + b)", ["e"]],
];

// Keys of three features where the query has two: `wide`. Maps from keys get one more column.
function scoreData(s, lab) {
  const q = s.points.slice(0, 2);
  const h = [0, 1, 2, 3].map((i) => [...s.points.slice(2 + 2 * i, 4 + 2 * i), ...(s.wide ? [PLANE.third[i]] : [])]);
  const maps = {};
  for (const [name, base] of Object.entries(WEIGHTS)) {
    const wide = s.wide && ["W", "U", "Wk", "e"].includes(name);
    if (!wide) maps[name] = lab.edited(name, base);
    else if (name === "W") maps[name] = lab.edited(name, [...base, [0.5, -0.5]]);
    else maps[name] = lab.edited(name, base.map((row, i) => [...row, i ? -0.5 : 0.5]));
  }
  const p = { ...maps, w: maps.w[0], e: maps.e[0], mu: s.mu, b: 0.1 };
  const rows = FUNCTIONS.map(([id, title, formula]) => {
    if (s.wide && (id === "dot" || id === "exponential")) return { id, title, formula, scores: null };
    const scores = MX.scoring[id](h, q, p);
    return { id, title, formula, scores, weights: id === "exponential" && !s.twice ? MX.normalise(scores) : MX.softmax(scores) };
  });
  return { q, h, maps, rows };
}

class Plane {
  constructor(move) {
    this.root = svg("svg", { viewBox: "-3 -3 6 6", class: "ml-chart", role: "group", "aria-label": "query and keys in the plane" });
    this.root.style.maxWidth = "340px";
    this.root.style.touchAction = "none";
    for (const at of [-2, -1, 0, 1, 2]) {
      this.root.append(svg("line", { x1: -3, x2: 3, y1: at, y2: at, class: "ml-rule", "stroke-width": at ? 0.01 : 0.03 }));
      this.root.append(svg("line", { y1: -3, y2: 3, x1: at, x2: at, class: "ml-rule", "stroke-width": at ? 0.01 : 0.03 }));
    }
    this.dots = ["q", "k1", "k2", "k3", "k4"].map((name, n) => {
      const group = svg("g", { tabindex: 0, role: "slider", "aria-label": n ? `key ${n}` : "query", style: "cursor:grab" });
      const line = svg("line", { x1: 0, y1: 0, "stroke-width": 0.05, style: `stroke:${n ? "var(--ml-a)" : "var(--ml-b)"}` });
      const dot = svg("circle", { r: 0.16, style: `fill:${n ? "var(--ml-a)" : "var(--ml-b)"}` });
      const text = svg("text", { style: "font-size:.3px;fill:var(--body-text-color)" }, name);
      group.append(line, dot, text);
      this.root.append(group);
      group.addEventListener("pointerdown", (e) => { group.setPointerCapture(e.pointerId); this.held = n; e.preventDefault(); group.focus(); });
      group.addEventListener("pointermove", (e) => {
        if (this.held !== n) return;
        const box = this.root.getBoundingClientRect();
        move(n, this.clip(((e.clientX - box.left) / box.width) * 6 - 3), this.clip(3 - ((e.clientY - box.top) / box.height) * 6), false);
      });
      group.addEventListener("pointerup", () => { this.held = null; move(n, ...this.at[n], true); });
      group.addEventListener("keydown", (e) => {
        const by = { ArrowUp: [0, 0.1], ArrowDown: [0, -0.1], ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0] }[e.key];
        if (!by) return;
        e.preventDefault();
        move(n, this.clip(this.at[n][0] + by[0]), this.clip(this.at[n][1] + by[1]), true);
      });
      return { group, line, dot, text };
    });
  }

  clip(v) { return Math.round(Math.max(-2.8, Math.min(2.8, v)) * 100) / 100; }

  set(points, weights) {
    this.at = points;
    this.dots.forEach(({ group, line, dot, text }, n) => {
      const [x, y] = points[n];
      for (const [node, a, b] of [[line, "x2", "y2"], [dot, "cx", "cy"]]) { node.setAttribute(a, x); node.setAttribute(b, -y); }
      text.setAttribute("x", x + 0.2);
      text.setAttribute("y", -y - 0.15);
      if (n) dot.setAttribute("r", 0.1 + 0.25 * Math.sqrt(weights[n - 1] || 0));
      group.setAttribute("aria-valuetext", `${fmt(x)}, ${fmt(y)}`);
    });
  }
}

LESSONS.push({
  id: "scores",
  title: "Scores",
  line: "What makes a key fit a query? Six answers, from a bare product to a small network.",
  task: "drag the query around: dots grow with the weight they get. The query-free row never moves.",
  formula: "w·tanh(U h + V q) is the same network as w·tanh(Ω [h; q]) with Ω = [U V]: two maps added are one map of both.",
  notes: ["A source feeds the exponential score into a softmax: with scores 1, 2, 3 that double exponent gives 0, 0, 1.000. Divided by their sum, the exponentials give 0.090, 0.245, 0.665, the softmax itself. The switch below shows both."],
  defaults: { fn: "dot", points: PLANE.points.flat(), wide: false, mu: 1, twice: false, width: 256, edits: {} },
  controls: [
    { kind: "select", name: "fn", label: "Dots grow with", choices: FUNCTIONS.map(([id, title]) => [id, title]) },
    { kind: "check", name: "wide", label: "keys have a third feature", apply: (v, s) => ({ wide: v, edits: {}, fn: v && (s.fn === "dot" || s.fn === "exponential") ? "bilinear" : s.fn }) },
    { kind: "range", name: "mu", label: "μ", values: [0.1, 0.5, 1, 2, 5] },
    { kind: "check", name: "twice", label: "softmax after exp (mistake)" },
    { kind: "range", name: "width", label: "width for the count", values: [2, 16, 64, 128, 256, 512, 1024] },
  ],
  build(panel, lab) {
    const plane = new Plane((n, x, y, done) => {
      const points = [...lab.state.points];
      points.splice(2 * n, 2, x, y);
      lab.set({ points }, done);
    });
    const box = el("div", "ml-box");
    box.append(plane.root);
    const table = el("div", "ml-table");
    const row = el("div", "ml-row");
    row.append(box, table);
    const maps = el("div", "ml-line");
    const grids = Object.keys(WEIGHTS).map((name) => {
      const grid = new Grid({ name, title: { e: "w (query-free)", Wk: "W_k", Wq: "W_q" }[name] || name, edit: (i, j, v, done) => lab.edit(name, i, j, v, done) });
      maps.append(grid.root);
      return [name, grid];
    });
    const trap = el("p", "ml-facts");
    panel.append(row, el("h4", "", "Their parameters, yours to change"), maps, trap);
    return (s) => {
      const d = scoreData(s, lab);
      const chosen = d.rows.find((r) => r.id === s.fn);
      plane.set([d.q, ...d.h.map((k) => k.slice(0, 2))], chosen.weights || []);
      const sizes = MX.scoringParameters(s.width, s.width);
      const t = el("table");
      const head = el("tr");
      head.append(...["function", "", "k1", "k2", "k3", "k4", `parameters at ${s.width}`].map((x) => el("th", "", x, { scope: "col" })));
      t.append(head, ...d.rows.map((r) => {
        const line = el("tr", r.id === s.fn ? "ml-strong" : r.scores ? "" : "ml-dim");
        line.append(el("td", "", r.title), el("td", "", r.formula), ...(r.weights || [NaN, NaN, NaN, NaN]).map((w) => el("td", "", fmt(w, 3))), el("td", "", count(sizes[r.id])));
        if (!r.scores) line.title = "A dot product needs query and key of the same width";
        return line;
      }));
      table.replaceChildren(t, el("p", "ml-facts", s.wide ? "Query and key differ in width: the bare products are undefined, the others have a map to bridge it." : "Weights of the four keys under each function."));
      for (const [name, grid] of grids) grid.set(d.maps[name]);
      const e = [1, 2, 3].map(Math.exp);
      trap.textContent = `Scores 1, 2, 3 as exp scores: divided by the sum ${MX.normalise(e).map((x) => fmt(x, 3)).join(" / ")} · through a softmax again ${MX.softmax(e).map((x) => fmt(x, 3)).join(" / ")}.`;
    };
  },
  data: (s, lab) => Object.fromEntries(scoreData(s, lab).rows.filter((r) => r.scores).map((r) => [r.id, [r.scores, r.weights]])),
});

// ---- ATT-18 ------------------------------------------------------------------------------------

const WIDTHS = [4, 16, 64, 256, 1024];
const PRINTED = { 4: [2.02, 1.745, 2.371, 0.433], 16: [4.0, 0.908, 2.366, 0.684], 64: [7.97, 0.418, 2.362, 0.841], 256: [15.98, 0.192, 2.358, 0.923], 1024: [32.1, 0.094, 2.356, 0.961] };
const DIVISORS = { one: () => 1, root: Math.sqrt, width: (d) => d, length: () => 16 };
const KEYS = 16;
const drawn = new Map(); // (d, seed) → rows of scores

function scoresOf(d, seed) {
  const key = `${d}.${seed}`;
  if (!drawn.has(key)) drawn.set(key, MX.drawScores(d, KEYS, d > 300 ? 60 : 200, 1000 * seed + d));
  if (drawn.size > 30) drawn.delete(drawn.keys().next().value);
  return drawn.get(key);
}

LESSONS.push({
  id: "scaling",
  title: "Scaling",
  line: "A dot product of d random numbers has spread √d. Undivided, wide vectors make the softmax pick one key and stop learning.",
  task: "slide d up with the divisor at 1: one bar takes all and the gradient dies. Then divide by √d: the picture no longer depends on d.",
  formula: "q, k ~ N(0, 1): q·k has variance d, so q·k/√d has variance 1. The gradient through a softmax is diag(a) − a·aᵀ, zero where one weight is 1.",
  notes: ["One source divides by the length of the sequence. Try it: the spread still grows with d, only later."],
  defaults: { d: 64, divisor: "one", seed: 1, query: 0 },
  controls: [
    { kind: "range", name: "d", label: "d", values: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] },
    { kind: "radio", name: "divisor", label: "Divide by", choices: [["one", "1"], ["root", "√d"], ["width", "d"], ["length", "n (wrong)"]] },
    { kind: "range", name: "query", label: "query", low: 0, high: 30 },
    { kind: "range", name: "seed", label: "seed", low: 0, high: 50 },
  ],
  build(panel, lab) {
    const [left, right] = [el("div", "ml-box"), el("div", "ml-box")];
    const bars = new Bars("weights over 16 keys");
    const stats = el("p", "ml-facts");
    const plot = el("div");
    left.append(el("h4", "", "All scores, before and after dividing"), plot);
    right.append(el("h4", "", "Softmax of one query over 16 keys"), bars.root);
    const row = el("div", "ml-row");
    row.append(left, right);
    const table = el("div", "ml-table");
    panel.append(stats, row, el("h4", "", "Ours, drawn now / printed reference (16 keys; the flattest possible entropy is ln 16 = 2.773)"), table);
    return (s) => {
      const scores = scoresOf(s.d, s.seed);
      const divisor = DIVISORS[s.divisor](s.d);
      const m = MX.sharpness(scores, divisor);
      stats.textContent = `Scores spread ${fmt(m.std)} · divided by ${fmt(divisor)} · entropy ${fmt(m.entropy, 3)} of 2.773 · largest weight ${fmt(m.largest, 3)} · gradient through the softmax ${fmt(m.gradient, 3)}`;
      plot.replaceChildren(histogram("scores", [{ name: "q·k", values: scores.flat() }, { name: "divided", values: scores.flat().map((v) => v / divisor) }]));
      bars.set(MX.softmax(scores[s.query].map((v) => v / divisor)).map((value, i) => ({ name: `key ${i + 1}`, value })));
      const t = el("table");
      const line = (cells, tag = "td", name = "") => { const r = el("tr", name); r.append(...cells.map((c) => el(tag, "", c))); return r; };
      t.append(line(["d", "score std", "entropy raw", "entropy ÷√d", "max weight raw", "max weight ÷√d"], "th"));
      for (const d of WIDTHS) {
        const rows = scoresOf(d, s.seed);
        const [raw, scaled, p] = [MX.sharpness(rows, 1), MX.sharpness(rows, Math.sqrt(d)), PRINTED[d]];
        t.append(line([String(d), `${fmt(raw.std)} / ${p[0]}`, `${fmt(raw.entropy, 3)} / ${p[1]}`, `${fmt(scaled.entropy, 3)} / ${p[2]}`, `${fmt(raw.largest, 3)} / ${p[3]}`, `${fmt(scaled.largest, 3)} / ≈ 0.24`], "td", d === s.d ? "ml-strong" : ""));
      }
      table.replaceChildren(t);
    };
  },
  data: (s) => ({ scores: scoresOf(s.d, s.seed) }),
});
