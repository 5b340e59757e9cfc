// Where a word stands (ATT-24): maps, dot products by distance, and shuffling.

const L_ENCODINGS = [["none", "none"], ["index", "index"], ["index ÷ length", "index ÷ length"], ["sinusoidal", "sinusoidal"], ["learned", "learned"]];

const encoding = (s) => MX.encodings[s.kind](s.L, s.d, { base: s.base, length: s.L, trained: s.L });

function order(seed) {
  const r = MX.random(seed);
  const p = [0, 1, 2, 3];
  if (seed) for (let i = 3; i > 0; i--) { const j = Math.floor(r.uniform() * (i + 1)); [p[i], p[j]] = [p[j], p[i]]; }
  return p;
}

// The four words attended in their order and in another one, with and without positions.
function shuffled(s) {
  const P = MX.encodings[s.kind](4, 4, { base: s.base, length: 4, trained: 4 });
  const p = order(s.shuffle);
  const place = (X) => X.map((row, i) => row.map((x, k) => x + P[i][k]));
  const run = (X) => MX.attend({ ...FOUR, X }).output;
  const plain = run(place(FOUR.X));
  const moved = run(place(p.map((i) => FOUR.X[i])));
  const back = p.map((i) => plain[i]);
  const away = MX.norm(moved.flatMap((row, i) => row.map((v, k) => v - back[i][k])));
  const pool = (A) => A[0].map((_, k) => A.reduce((t, row) => t + row[k], 0) / 4);
  return { p, plain, moved, away, pooled: MX.norm(pool(plain).map((v, k) => v - pool(moved)[k])) };
}

LESSONS.push({
  id: "position",
  title: "Position",
  line: "Attention has no idea of order. A vector per position, added to each word, tells it where things stand.",
  task: "set the base to 2: far positions look alike again. Then shuffle the words with the encoding none and with sinusoidal.",
  formula: "PE(pos, 2i) = sin(pos / base^(2i/d)), PE(pos, 2i+1) = cos of the same angle. PE·PEᵀ depends on the distance alone.",
  notes: [
    "Without positions attention is equivariant (outputs move with their words), not invariant as two sources say; only the mean over all words is invariant.",
    "Printed slips: base 2 in a notebook, exponent (2i+1)/d for the cosine, and PE “added when forming Q”. It is added to the input, and added, not concatenated.",
  ],
  defaults: { kind: "sinusoidal", d: 20, L: 100, base: 10000, shift: 0, shuffle: 3, row: 1 },
  controls: [
    { kind: "select", name: "kind", label: "Encoding", choices: L_ENCODINGS },
    { kind: "range", name: "d", label: "d", low: 2, high: 512, values: [2, 4, 8, 16, 20, 32, 64, 128, 256, 512] },
    { kind: "range", name: "L", label: "length", low: 4, high: 128, step: 4 },
    { kind: "range", name: "base", label: "base", values: [2, 10, 100, 1000, 10000, 100000], shown: (v) => (v === 2 ? "2 (wrong)" : count(v)), show: (s) => s.kind === "sinusoidal" },
  ],
  build(panel, lab) {
    const map = new HeatMap("encoding", { tint: "signed", hover: null, press: (i) => lab.set({ row: i }), names: (i, j) => `position ${i}, dimension ${j}` });
    const gram = new HeatMap("products of positions", { tint: "signed", press: (i) => lab.set({ row: i }), names: (i, j) => `positions ${i} and ${j}, distance ${Math.abs(i - j)}` });
    const maps = el("div", "ml-row");
    for (const m of [map, gram]) { m.root.classList.add("ml-box"); maps.append(m.root); }
    const curves = el("div");
    const distance = el("div");
    const charts = el("div", "ml-row");
    charts.append(curves, distance);
    for (const c of [curves, distance]) c.className = "ml-plot";
    const facts = el("p", "ml-facts");

    const slider = KNOBS.range({ name: "shift", label: "move both positions by", low: 0, high: 60 }, (v, done) => lab.set({ shift: v }, done));
    const shifted = el("div", "ml-table");

    const button = el("button", "ml-button", "Shuffle the words", { type: "button", "data-action": "shuffle" });
    button.addEventListener("click", () => lab.set({ shuffle: (lab.state.shuffle % 20) + 1 }));
    const before = new Grid({ name: "plain", title: "outputs, words in order" });
    const after = new Grid({ name: "moved", title: "outputs, words shuffled" });
    const line = el("div", "ml-line");
    line.append(before.root, after.root);
    const verdict = el("p", "ml-formula");
    const probe = el("div", "ml-table");
    panel.append(maps, charts, facts, el("h4", "", "Two words slide along the sentence together: does their match change?"), slider.node, shifted,
      el("h4", "", "The four words of the chain, in another order"), button, line, verdict,
      el("h4", "", "Which of two words came first? A linear reader of both positions, fitted on positions 0–23"), probe);
    let probed = "";
    return (s) => {
      const P = encoding(s);
      const G = MX.gram(P);
      map.set(P, `${s.kind}: position × dimension, ${s.L} × ${s.d}`);
      gram.set(G, "PE·PEᵀ: how alike two positions look");
      const row = Math.min(s.row, s.L - 1);
      const dims = [0, 1, 4, 9].filter((k) => k < s.d);
      curves.replaceChildren(lineChart("encoding by position", dims.map((k) => ({ name: `dimension ${k}`, points: P.map((p, i) => [i, p[k]]) })), { x: "position", y: "value" }));
      distance.replaceChildren(lineChart("product by distance", [{ name: "product", points: G[0].map((v, i) => [i, v]) }], { x: "distance from position 0", y: "PE·PEᵀ", low: 0 }));
      facts.textContent = `PE·PEᵀ at distance 0 / 1 / 5 / 20: ${[0, 1, 5, 20].filter((k) => k < s.L).map((k) => fmt(G[0][k], 3)).join(" / ")} · position ${row}: ${P[row].slice(0, 4).map((v) => fmt(v, 4)).join(", ")}${s.d > 4 ? " …" : ""} (click a row to choose)`;
      slider.set(s.shift);
      this.shiftTable(shifted, s);
      const r = shuffled(s);
      before.set(r.plain, FOUR.words);
      after.set(r.moved, r.p.map((i) => FOUR.words[i]), null, { top: Math.max(...r.plain.flat().map(Math.abs)) });
      verdict.textContent = r.away < 1e-9 ? `Equivariant: every word kept its output and only changed its row. The mean over words moved by ${fmt(r.pooled, 3)}.` : `Order matters: the words’ outputs changed by ${fmt(r.away)} in all. The mean over words moved by ${fmt(r.pooled, 3)}.`;
      const key = `${s.base}`;
      if (probed !== key) this.probeTable(probe, s);
      probed = key;
    };
  },
  // q at 4 + shift, k at 1 + shift: fixed random q and k with each encoding
  shiftTable(box, s) {
    const r = MX.random(5);
    const [q, k] = r.normals(2, 16);
    const t = el("table");
    const head = el("tr");
    head.append(...["encoding", "match at 4 and 1", `match at ${4 + s.shift} and ${1 + s.shift}`, ""].map((x) => el("th", "", x, { scope: "col" })));
    t.append(head);
    const match = (kind, shift) => {
      if (kind === "rotary") return MX.dotp(MX.rotary([q], 4 + shift)[0], MX.rotary([k], 1 + shift)[0]);
      if (kind === "relative bias") return MX.dotp(q, k) + MX.relativeBias(5, 0.5)[4][1];
      const P = MX.encodings[kind](65, 16, { base: s.base, length: 65, trained: 65 });
      const add = (a, b) => a.map((v, i) => v + b[i]);
      return MX.dotp(add(q, P[4 + shift]), add(k, P[1 + shift]));
    };
    for (const kind of ["learned", "sinusoidal", "relative bias", "rotary"]) {
      const [a, b] = [match(kind, 0), match(kind, s.shift)];
      const row = el("tr");
      row.append(el("td", "", kind), el("td", "", fmt(a, 3)), el("td", "", fmt(b, 3)), el("td", "", Math.abs(a - b) < 1e-9 ? (s.shift ? "unchanged: relative" : "") : "changed: absolute"));
      t.append(row);
    }
    box.replaceChildren(t);
  },
  probeTable(box, s) {
    const t = el("table");
    const head = el("tr");
    head.append(...["encoding", "unseen pairs below 24", "pairs at 24–47 (extrapolation)"].map((x) => el("th", "", x, { scope: "col" })));
    t.append(head);
    for (const kind of ["none", "index", "index ÷ length", "sinusoidal", "learned", "relative bias"]) {
      const r = MX.orderProbe(kind, 16, 24, { base: s.base });
      const row = el("tr");
      row.append(el("td", "", kind), el("td", "", `${fmt(100 * r.inside, 0)} %`), el("td", "", `${fmt(100 * r.beyond, 0)} %`));
      t.append(row);
    }
    box.replaceChildren(t);
  },
  data: (s) => { const P = encoding(s); return { encoding: P, gram: MX.gram(P) }; },
});
