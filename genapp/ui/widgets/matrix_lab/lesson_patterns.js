// Sparse patterns (ATT-21) and what layers cost (ATT-22).

const ON_GRID = ["windows", "shifted windows", "criss-cross", "focal"];
const NAMES = [...Object.keys(MX.patterns), "focal", "Perceiver"];
const FLOP_WIDTH = 64;

function timeAttention(mask) {
  const n = mask.length;
  const r = MX.random(3);
  const [Q, K] = [0, 1].map(() => Float64Array.from({ length: n * FLOP_WIDTH }, () => r.normal()));
  const lists = mask.map((row) => row.flatMap((on, j) => (on ? [j] : [])));
  const out = new Float64Array(n * FLOP_WIDTH);
  const run = () => {
    lists.forEach((keys, i) => {
      const a = MX.softmax(keys.map((j) => { let s = 0; for (let k = 0; k < FLOP_WIDTH; k++) s += Q[i * FLOP_WIDTH + k] * K[j * FLOP_WIDTH + k]; return s / 8; }));
      keys.forEach((j, m) => { for (let k = 0; k < FLOP_WIDTH; k++) out[i * FLOP_WIDTH + k] += a[m] * K[j * FLOP_WIDTH + k]; });
    });
  };
  run();
  let best = Infinity;
  for (let n = 0; n < 3; n++) { const t = performance.now(); run(); best = Math.min(best, performance.now() - t); }
  return best;
}

function patternData(s) {
  const grid = ON_GRID.includes(s.name);
  const n = s.name === "focal" ? 400 : grid ? s.side ** 2 : s.n;
  if (s.name === "Perceiver") return { n, keys: s.n * s.latents + s.latents ** 2 };
  if (s.name === "focal") {
    const [row, column] = [Math.floor(s.token / 20), s.token % 20].map((x) => Math.floor(x / 4) * 4);
    return { n, grid: 20, focal: MX.focalKeys(20, 4, row, column), row, column };
  }
  const mask = MX.pattern(s.name, n, { w: s.w, g: s.g, side: s.side });
  for (const [i, j] of s.flips.map((f) => [Math.floor(f / 1000), f % 1000])) if (mask[i]?.[j] !== undefined) mask[i][j] = !mask[i][j];
  return { n, grid: grid ? s.side : 0, mask };
}

LESSONS.push({
  id: "sparsity",
  title: "Sparsity",
  line: "A full map grows with the square of the length. Patterns keep a few pairs, and let layers carry news further.",
  task: "pick strided and raise the layers to 2: everything before is reached. Click the map to open or shut single pairs.",
  formula: "Reach after k layers is the k-th boolean power of the pattern. n·√n pairs for strided and fixed: 262,144 instead of 16,777,216 at n = 4096.",
  notes: [
    "n^(1/p) is what each token looks at; all pairs together are n·n^(1/p).",
    "Each Swin stage halves each side, so tokens fall by four: 8, 4, 2, 1 windows per side are 64, 16, 4, 1 windows.",
    "A Perceiver is linear in the input length, not independent of it: M·N + N² pairs per block.",
    "Focal windows at the border must be clipped: 125 keys hold in the middle only.",
  ],
  defaults: { name: "strided", n: 36, w: 6, g: 1, side: 8, layers: 1, token: 21, latents: 8, flips: [] },
  controls: [
    { kind: "select", name: "name", label: "Pattern", choices: NAMES.map((n) => [n, n]), apply: (name) => ({ name, flips: [], w: name.includes("windows") ? 4 : name === "local" || name === "global" ? 2 : 6, token: name === "focal" ? 168 : 21 }) },
    { kind: "range", name: "n", label: "tokens", low: 8, high: 64, apply: (n) => ({ n, flips: [] }), show: (s) => !ON_GRID.includes(s.name) },
    { kind: "range", name: "side", label: "grid side", low: 4, high: 12, apply: (side) => ({ side, flips: [] }), show: (s) => ON_GRID.includes(s.name) && s.name !== "focal" },
    { kind: "range", name: "w", label: "window / stride", low: 1, high: 12, apply: (w) => ({ w, flips: [] }), show: (s) => ["local", "strided", "fixed", "global", "windows", "shifted windows"].includes(s.name) },
    { kind: "range", name: "g", label: "global tokens", low: 1, high: 4, show: (s) => s.name === "global" },
    { kind: "range", name: "latents", label: "latents N", low: 1, high: 32, show: (s) => s.name === "Perceiver" },
    { kind: "range", name: "layers", label: "layers", low: 1, high: 6, show: (s) => !["focal", "Perceiver"].includes(s.name) },
  ],
  build(panel, lab) {
    const map = new HeatMap("pattern", { top: 1, names: (i, j) => `token ${i} at token ${j}`, press: (i, j) => {
      const flip = 1000 * i + j;
      const { flips } = lab.state;
      lab.set({ flips: flips.includes(flip) ? flips.filter((f) => f !== flip) : [...flips, flip].slice(-60), token: i });
    } });
    const field = new HeatMap("keys of one token", { top: 1, names: (i, j) => `token at ${i}, ${j}`, press: (i, j) => lab.set({ token: i * (field.A[0].length) + j }) });
    const row = el("div", "ml-row");
    for (const m of [map, field]) { m.root.classList.add("ml-box"); row.append(m.root); }
    const facts = el("p", "ml-formula");
    const button = el("button", "ml-button", "Measure in this browser", { type: "button", "data-action": "measure" });
    const told = el("p", "ml-facts", "Softmax attention of width 64 over exactly these pairs, against all pairs.");
    button.addEventListener("click", () => {
      const d = patternData(lab.state);
      const all = MX.pattern("dense", d.n, {});
      const mask = d.mask || all;
      const pairs = (m) => m.flat().filter(Boolean).length;
      told.textContent = `This pattern ${fmt(timeAttention(mask))} ms and ${fmt(pairs(mask) * 8 / 1024, 1)} kB of weights; dense ${fmt(timeAttention(all))} ms and ${fmt(pairs(all) * 8 / 1024, 1)} kB.`;
    });
    const known = el("p", "ml-facts", "Counted: a shifted 2 × 2 partition has 9 regions · Swin at 224/4/7 has 64, 16, 4, 1 windows · one stage of 56 × 56 tokens of width 96: Ω(MSA) 2.0·10⁹, Ω(W-MSA) 1.4·10⁸ multiplications.");
    panel.append(row, facts, button, told, known);
    return (s) => {
      const d = patternData(s);
      button.hidden = told.hidden = !d.mask;
      map.root.hidden = !d.mask;
      field.root.hidden = false;
      if (d.focal) {
        const colours = ["var", "#2f74c0", "#7a5af0", "#d9822b"];
        const A = MX.zeros(20, 20);
        for (const [r, c, pool] of [...d.focal].reverse()) for (let i = 0; i < pool; i++) for (let j = 0; j < pool; j++) A[r + i][c + j] = pool;
        field.set(A, "20 × 20 grid, window 4 × 4: fine near, pooled far", (v, i, j) => (i >= d.row && i < d.row + 4 && j >= d.column && j < d.column + 4 ? "#6f5bf0" : v ? colours[[0, 1, 2, 0, 3][v]] + (v === 4 && (i + j) % 2 ? "bb" : "") : null));
        facts.textContent = `${d.focal.length} keys: ${[1, 2, 4].map((p) => `${d.focal.filter((k) => k[2] === p).length} of size ${p}`).join(" + ")} · scores of the window ${count(16 * d.focal.length)} instead of 6,400${d.focal.length < 125 ? " · clipped at the border" : ""}`;
        return;
      }
      if (s.name === "Perceiver") {
        field.set(MX.build(s.latents, s.n, () => 1), `${s.latents} latents read ${s.n} inputs`);
        facts.textContent = `${count(s.n * s.latents)} + ${count(s.latents ** 2)} = ${count(d.keys)} pairs per block, against ${count(s.n ** 2)} dense. At 50,176 pixels and 512 latents: ${count(50176 * 512 + 512 ** 2)} against ${count(50176 ** 2)}.`;
        return;
      }
      const reach = MX.reach(d.mask, s.layers);
      const token = Math.min(s.token, d.n - 1);
      map.set(MX.map(reach, (on, i, j) => (d.mask[i][j] ? 1 : on ? 0.35 : 0)), `pairs (dark)${s.layers > 1 ? `, reached after ${s.layers} layers (light)` : ""}`);
      const side = d.grid || d.n;
      const shape = (f) => (d.grid ? MX.build(side, side, (i, j) => f(i * side + j)) : [Array.from({ length: d.n }, (_, j) => f(j))]);
      field.set(shape((j) => (j === token ? 1 : d.mask[token][j] ? 0.7 : reach[token][j] ? 0.25 : 0)), `what token ${token} sees`, null);
      const [pairs, reached] = [d.mask, reach].map((m) => m.flat().filter(Boolean).length);
      facts.textContent = `${count(pairs)} of ${count(d.n ** 2)} pairs (${fmt((100 * pairs) / d.n ** 2, 0)} %) · ${count(4 * pairs * FLOP_WIDTH)} FLOPs at width 64 · after ${s.layers} ${s.layers === 1 ? "layer" : "layers"} ${fmt((100 * reached) / d.n ** 2, 0)} % of pairs reached`;
    };
  },
  data: (s) => { const d = patternData(s); return d.mask ? { mask: MX.map(d.mask, Number) } : d.focal ? { keys: d.focal } : { pairs: [[d.keys]] }; },
});

// ---- ATT-22 ------------------------------------------------------------------------------------

const POWERS = Array.from({ length: 12 }, (_, i) => 2 ** (i + 2)); // 4 … 8192
const KINDS = [["attention", "self-attention", "n²d"], ["recurrent", "recurrent", "nd²"], ["convolution", "convolution", "knd²"], ["restricted", "restricted attention", "rnd"]];

LESSONS.push({
  id: "cost",
  title: "Cost",
  line: "Attention pays for all pairs, a recurrent layer for every token one after the other. Which is cheaper depends on n and d.",
  task: "move n across d: at n = d both cost the same. Then switch to pixels and shrink the patch.",
  formula: "At n = d = 512 both need 134,217,728 multiplications. The three projections add 3nd², which the usual table leaves out.",
  notes: [
    "A lecture gives O(H³d) for a picture of side H; n = H² tokens make it H⁴d. 256 × 256 pixels of width 256 are 2⁴⁰ multiplications.",
    "The same lecture has n = 16 for 16-pixel patches of a 256-pixel picture; they are 256, and 64-pixel patches are 16.",
  ],
  defaults: { picture: false, n: 512, d: 512, b: 1, k: 3, r: 64, H: 256, W: 256, patch: 16 },
  controls: [
    { kind: "check", name: "picture", label: "a picture" },
    { kind: "range", name: "n", label: "tokens n", values: POWERS, show: (s) => !s.picture },
    { kind: "range", name: "H", label: "height", values: [32, 64, 128, 224, 256, 384, 512, 1080], show: (s) => s.picture },
    { kind: "range", name: "W", label: "width", values: [32, 64, 128, 224, 256, 384, 512, 1920], show: (s) => s.picture },
    { kind: "range", name: "patch", label: "patch", values: [1, 2, 4, 8, 16, 32, 64], show: (s) => s.picture },
    { kind: "range", name: "d", label: "width d", values: [16, 32, 64, 128, 256, 512, 1024, 2048] },
    { kind: "range", name: "k", label: "kernel k", low: 2, high: 15 },
    { kind: "range", name: "r", label: "window r", values: [4, 8, 16, 32, 64, 128, 256] },
    { kind: "range", name: "b", label: "batch b", values: [1, 2, 4, 8, 16, 32, 64] },
  ],
  build(panel, lab) {
    const facts = el("p", "ml-formula");
    const table = el("div", "ml-table");
    const chart = el("div", "ml-plot");
    const measured = el("div", "ml-plot");
    const button = el("button", "ml-button", "Measure GRU and attention on this server", { type: "button", "data-action": "gru" });
    const told = el("p", "ml-facts", "One layer each, batch 1, 16 to 1,024 tokens, width up to 256, fastest of three.");
    button.addEventListener("click", async () => {
      button.disabled = true;
      told.textContent = "Measuring …";
      const lengths = [16, 64, 256, 1024];
      const d = Math.min(lab.state.d, 256);
      const reply = await lab.server.gru_and_attention({ lengths, d });
      button.disabled = false;
      if (reply.error) { told.textContent = reply.error; return; }
      const { gru, attention } = reply.times;
      told.textContent = `Width ${d}. ${lengths.map((n, i) => `${count(n)} tokens: GRU ${fmt(gru[i])} ms, attention ${fmt(attention[i])} ms`).join(" · ")}`;
      measured.replaceChildren(lineChart("measured times", [
        { name: "attention", points: lengths.map((n, i) => [n, attention[i]]), dots: true },
        { name: "GRU", points: lengths.map((n, i) => [n, gru[i]]), dots: true },
      ], { x: "tokens", y: "ms", xlog: true, ylog: true }));
    });
    const row = el("div", "ml-row");
    const box = el("div", "ml-box");
    box.append(button, told, measured);
    row.append(chart, box);
    panel.append(facts, table, row);
    return (s) => {
      const n = s.picture ? MX.tokens(s.H, s.W, s.patch) : s.n;
      const c = MX.costs({ ...s, n });
      const t = el("table");
      const line = (cells, tag = "td", name = "") => { const r = el("tr", name); r.append(...cells.map((x) => el(tag, "", x))); return r; };
      t.append(line(["layer", "", "multiplications", "steps in a row", "longest path"], "th"));
      const cheapest = KINDS.reduce((a, b) => (c[b[0]].operations < c[a[0]].operations ? b : a))[0];
      for (const [id, name, formula] of KINDS) t.append(line([name, formula, count(s.b * c[id].operations), count(c[id].sequential), fmt(c[id].path, 1)], "td", id === cheapest ? "ml-strong" : ""));
      t.append(line(["+ projections to q, k, v", "3nd²", count(s.b * 3 * n * s.d * s.d), "1", "–"]));
      table.replaceChildren(t);
      const bytes = 2 * n * n * s.b;
      const unit = bytes >= 1e12 ? [1e12, "TB"] : bytes >= 1e9 ? [1e9, "GB"] : bytes >= 1e6 ? [1e6, "MB"] : [1e3, "kB"];
      facts.textContent = `${count(n)} tokens · ${n > 1e5 ? (n * n).toExponential(2).replace("e+", "·10^") : count(n * n)} entries in one attention map · ${fmt(bytes / unit[0])} ${unit[1]} in fp16`;
      const xs = POWERS;
      chart.replaceChildren(lineChart("multiplications by length", KINDS.map(([id, name]) => ({ name, points: xs.map((x) => [x, s.b * MX.costs({ ...s, n: x })[id].operations]) })), { x: "tokens n", y: "multiplications", xlog: true, ylog: true, mark: n }));
    };
  },
  data: (s) => { const n = s.picture ? MX.tokens(s.H, s.W, s.patch) : s.n; const c = MX.costs({ ...s, n }); return Object.fromEntries(KINDS.map(([id]) => [id, [[c[id].operations, c[id].sequential, c[id].path]]])); },
});
