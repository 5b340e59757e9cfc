// The norm zoo (ATT-25): which cells share a mean, on a cube and on a table of numbers.

const TABLE = [[1, 2, 6], [2, 1, 2], [0, 4, 5], [1, 2, 4], [2, 3, 3]];
const CUBE = [3, 4, 6]; // sequences, positions, features
const ZOO = [["batch", "Batch"], ["layer", "Layer"], ["instance", "Instance"], ["group", "Group"], ["rms", "RMS"], ["pixel", "Pixel"]];
const SAY = {
  batch: "one feature, over all sequences and positions: a sequence depends on its neighbours in the batch",
  layer: "all features of one token: nothing else matters, not the batch, not the length",
  instance: "one feature of one sequence, over its positions",
  group: "a group of features of one sequence, over its positions",
  rms: "all features of one token; no mean is subtracted, only the size is set to 1",
  pixel: "all features at one place, size set to 1, nothing learned: the same cells as RMS",
};

// The cube as three sheets, one per sequence, drawn one behind the other.
function cube(s, press) {
  const [N, L, C] = CUBE;
  const same = MX.shares(s.kind, C / 2);
  const at = s.at;
  const box = svg("svg", { viewBox: "0 0 330 210", class: "ml-chart", role: "group", "aria-label": `cube of ${N} sequences, ${L} positions, ${C} features; lit: ${SAY[s.kind]}` });
  box.style.maxWidth = "420px";
  for (let n = N - 1; n >= 0; n--) {
    for (let t = 0; t < L; t++) {
      for (let c = 0; c < C; c++) {
        const lit = same([n, t, c], at);
        const here = n === at[0] && t === at[1] && c === at[2];
        const pad = s.padded && n === 2 && t > 1;
        const cell = svg("rect", { x: 30 + 34 * n + 34 * c, y: 62 - 24 * n + 34 * t, width: 31, height: 31, rx: 5, tabindex: 0, role: "button", "aria-label": `sequence ${n + 1}, position ${t + 1}, feature ${c + 1}${lit ? ", lit" : ""}${pad ? ", padding" : ""}`, style: `fill:${lit ? (pad ? "var(--ml-b)" : "var(--ml-weight)") : "var(--block-background-fill)"};stroke:${here ? "var(--body-text-color)" : "var(--border-color-primary)"};stroke-width:${here ? 2.5 : 1};opacity:${lit ? 1 : 0.86};cursor:pointer`, "stroke-dasharray": pad ? "3 3" : "none" });
        const go = () => press([n, t, c]);
        cell.addEventListener("click", go);
        cell.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); go(); } });
        box.append(cell);
      }
    }
  }
  box.append(svg("text", { x: 132, y: 206, "text-anchor": "middle" }, "features →"), svg("text", { x: 20, y: 128, "text-anchor": "middle", transform: "rotate(-90 20 128)" }, "← length"), svg("text", { x: 246, y: 14 }, "batch ↗"));
  return box;
}

LESSONS.push({
  id: "norms",
  title: "Norms",
  line: "Every norm sets a mean to 0 and a spread to 1. They differ in which cells count together.",
  task: "click a cell of the cube and go through the norms. Then make the batch one row: batch norm has nothing left.",
  formula: "y = γ·(x − μ)/√(σ² + ε) + β. Layer norm takes μ and σ over all features of one token. (Batch norm has its own entry with the GANs.)",
  notes: ["The figure behind the table rounds its means: one column mean is printed as 3 where it is 2.4."],
  defaults: { kind: "layer", at: [0, 1, 2], padded: false, one: false, eps: 0.00001, gamma: 1, beta: 0, depth: 12, seed: 1, edits: {} },
  controls: [
    { kind: "radio", name: "kind", label: "Norm", choices: ZOO },
    { kind: "check", name: "padded", label: "padded batch" },
    { kind: "check", name: "one", label: "batch of one" },
    { kind: "range", name: "eps", label: "ε", values: [0.00001, 0.001, 0.1, 1] },
    { kind: "range", name: "gamma", label: "γ", low: 0, high: 3, step: 0.1 },
    { kind: "range", name: "beta", label: "β", low: -2, high: 2, step: 0.1 },
  ],
  build(panel, lab) {
    const drawing = el("div", "ml-box");
    const words = el("p", "ml-formula");
    const table = new Grid({ name: "table", title: "5 tokens × 3 features", edit: (i, j, v, done) => lab.edit("table", i, j, v, done) });
    const perRow = new Grid({ name: "rows", title: "row mean, std", digits: 3 });
    const perColumn = new Grid({ name: "columns", title: "column mean, std", digits: 3 });
    const out = new Grid({ name: "normed", title: "normalised", top: 2 });
    const line = el("div", "ml-line");
    line.append(table.root, perRow.root, out.root);
    const top = el("div", "ml-row");
    const side = el("div", "ml-box");
    const drift = el("div", "ml-plot");
    side.append(words, drift);
    top.append(drawing, side);
    const slider = KNOBS.range({ name: "depth", label: "layers", low: 2, high: 36 }, (v, done) => lab.set({ depth: v }, done));
    const chart = el("div", "ml-plot");
    const told = el("p", "ml-facts");
    panel.append(top, line, perColumn.root, told, el("h4", "", "Norm before or after the sublayer: gradient of each layer's weights at the start"), slider.node, chart);
    return (s) => {
      drawing.replaceChildren(cube(s, (at) => lab.set({ at })));
      const pads = s.padded && ["batch", "instance", "group"].includes(s.kind);
      words.textContent = `${ZOO.find(([k]) => k === s.kind)[1]} norm: ${SAY[s.kind]}.${pads && (s.kind === "batch" || s.at[0] === 2) ? " Padding (dashed) is counted with the words." : s.padded ? " Padding is not counted here." : ""}`;
      const all = lab.edited("table", TABLE);
      const x = s.one ? all.slice(0, 1) : all;
      table.set(all);
      const m = (v) => { const { mean, variance } = MX.moments(v); return [mean, Math.sqrt(variance)]; };
      perRow.set(x.map(m), null, ["mean", "std"]);
      perColumn.set(MX.transpose(MX.transpose(x).map(m)), ["mean", "std"]);
      // one position per token: batch norm over tokens; instance and group have one position to average
      const y = MX.normaliseCube(x.map((row) => [row]), s.kind, s.eps, s.kind === "group" ? 3 : 1).map((b) => b[0]);
      out.set(MX.map(y, (v) => s.gamma * v + s.beta));
      const dead = y.flat().every((v) => Math.abs(v) < 1e-9);
      told.textContent = dead ? `Every value became 0: ${s.kind} norm has one value per mean here, and a value minus itself is nothing.` : `Rows are tokens; the table is normalised as a batch of ${x.length}.`;
      const r = MX.random(s.seed);
      const sizes = [1, 2, 4, 8, 16, 32, 64];
      drift.replaceChildren(lineChart("drift of batch statistics", [{ name: "spread of batch means", points: sizes.map((b) => {
        const means = Array.from({ length: 200 }, () => { let sum = 0; for (let i = 0; i < b; i++) sum += r.normal(); return sum / b; });
        return [b, Math.sqrt(MX.moments(means).variance)];
      }), dots: true }], { x: "batch size", y: "how far batch means stray", xlog: true, low: 0 }));
      slider.set(s.depth);
      const stack = (order) => {
        const sums = Array(s.depth).fill(0);
        for (let seed = 0; seed < 4; seed++) {
          const q = MX.random(100 * s.seed + seed);
          const Ws = Array.from({ length: s.depth }, () => q.normals(24, 24, 24 ** -0.5));
          const [x0, g0] = [q.normals(1, 24)[0], q.normals(1, 24, 24 ** -0.5)[0]];
          MX.stackGradients(order, Ws, x0, g0).forEach((v, l) => { sums[l] += v / 4; });
        }
        return sums.map((v, l) => [l + 1, v]);
      };
      chart.replaceChildren(lineChart("gradient by layer", [{ name: "post-norm", points: stack("post"), dots: true }, { name: "pre-norm", points: stack("pre"), dots: true }], { x: "layer", y: "‖∂loss/∂W‖", low: 0 }), el("p", "ml-facts", "Post-norm keeps steep gradients near the output at any depth, and needs a warm-up; pre-norm shrinks them by about √(layers/2) (Xiong et al. 2020)."));
    };
  },
  data: (s, lab) => ({ table: lab.edited("table", TABLE) }),
});
