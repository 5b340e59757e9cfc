// The second half of the arithmetic: positions, norms, patterns, costs, parameters.
(() => {
  const M = window.genapp.mechanics;

  // ---- positions ------------------------------------------------------------------------------
  M.sinusoidal = (L, d, base = 10000) =>
    M.build(L, d, (p, i) => { const a = p / base ** ((i - (i % 2)) / d); return i % 2 ? Math.cos(a) : Math.sin(a); });
  M.learned = (L, d, trained, seed) => { const r = M.random(seed); return M.build(L, d, (p) => r.normal() * (p < trained ? 1 : 0.02)); };
  M.encodings = {
    none: (L, d) => M.zeros(L, d),
    index: (L, d) => M.build(L, d, (p) => p),
    "index ÷ length": (L, d, o) => M.build(L, d, (p) => p / o.length),
    sinusoidal: (L, d, o) => M.sinusoidal(L, d, o.base),
    learned: (L, d, o) => M.learned(L, d, o.trained, 7),
  };
  M.rotary = (x, shift = 0, base = 10000) => x.map((row, p) => row.map((v, i) => {
    const d = row.length;
    const angle = (p + shift) / base ** ((i - (i % 2)) / d);
    return i % 2 ? row[i - 1] * Math.sin(angle) + v * Math.cos(angle) : v * Math.cos(angle) - row[i + 1] * Math.sin(angle);
  }));
  M.relativeBias = (L, slope) => M.build(L, L, (i, j) => -slope * Math.abs(i - j));
  M.gram = (P) => M.matmul(P, M.transpose(P));

  // Ridge regression y ≈ A w + b by conjugate gradients on (AᵀA + λ) w = Aᵀ y; no bias column.
  M.ridge = (A, y, lambda = 1e-3) => {
    const product = (w) => {
      const out = w.map((v) => lambda * v);
      for (const row of A) { const s = M.dotp(row, w); row.forEach((v, i) => { out[i] += v * s; }); }
      return out;
    };
    let w = Array(A[0].length).fill(0);
    let r = w.map((_, i) => A.reduce((s, row, n) => s + row[i] * y[n], 0));
    let p = r;
    let rr = M.dotp(r, r);
    for (let step = 0; step < 200 && rr > 1e-14; step++) {
      const Ap = product(p);
      const alpha = rr / M.dotp(p, Ap);
      w = w.map((v, i) => v + alpha * p[i]);
      r = r.map((v, i) => v - alpha * Ap[i]);
      const next = M.dotp(r, r);
      p = r.map((v, i) => v + (next / rr) * p[i]);
      rr = next;
    }
    return w;
  };

  // Which of two tokens comes first? A linear reader of both position vectors, fitted on positions
  // below `trained`, asked about unseen pairs there and about pairs beyond.
  M.orderProbe = (name, d, trained, o) => {
    const P = name === "relative bias" ? null : M.encodings[name](2 * trained, d, { ...o, length: trained, trained });
    const features = (i, j) => (P ? P[i].map((v, k) => v - P[j][k]) : [Math.max(-1, Math.min(1, i - j))]);
    const pairs = (low, high) => {
      const found = [];
      for (let i = low; i < high; i++) for (let j = low; j < high; j++) if (i !== j) found.push([i, j]);
      return found;
    };
    const near = pairs(0, trained);
    const seen = near.filter((_, n) => n % 3);
    const w = M.ridge(seen.map(([i, j]) => features(i, j)), seen.map(([i, j]) => Math.sign(i - j)));
    const accuracy = (set) => set.reduce((s, [i, j]) => {
      const score = M.dotp(features(i, j), w);
      return s + (Math.abs(score) < 1e-12 ? 0.5 : Number(score > 0 === i > j));
    }, 0) / set.length;
    return { inside: accuracy(near.filter((_, n) => n % 3 === 0)), beyond: accuracy(pairs(trained, 2 * trained)) };
  };

  // ---- norms: cubes x[n][t][c] ---------------------------------------------------------------
  const together = {
    batch: (a, b) => a[2] === b[2],
    layer: (a, b) => a[0] === b[0] && a[1] === b[1],
    instance: (a, b) => a[0] === b[0] && a[2] === b[2],
    rms: (a, b) => a[0] === b[0] && a[1] === b[1],
    pixel: (a, b) => a[0] === b[0] && a[1] === b[1],
  };
  M.shares = (kind, size) => (kind === "group"
    ? (a, b) => a[0] === b[0] && Math.floor(a[2] / size) === Math.floor(b[2] / size)
    : together[kind]);
  M.moments = (x) => {
    const mean = x.reduce((a, b) => a + b, 0) / x.length;
    return { mean, variance: x.reduce((s, v) => s + (v - mean) ** 2, 0) / x.length };
  };
  M.normaliseCube = (x, kind, eps = 1e-5, groups = 2) => {
    const size = x[0][0].length / groups;
    const same = M.shares(kind, size);
    const cells = [];
    x.forEach((m, n) => m.forEach((row, t) => row.forEach((v, c) => cells.push([n, t, c, v]))));
    return x.map((m, n) => m.map((row, t) => row.map((v, c) => {
      const values = cells.filter((cell) => same(cell, [n, t, c])).map((cell) => cell[3]);
      if (kind === "rms" || kind === "pixel") return v / Math.sqrt(M.dotp(values, values) / values.length + eps);
      const { mean, variance } = M.moments(values);
      return (v - mean) / Math.sqrt(variance + eps);
    })));
  };
  M.layerNorm = (x, eps = 1e-5) => { const { mean, variance } = M.moments(x); return x.map((v) => (v - mean) / Math.sqrt(variance + eps)); };
  M.layerNormVjp = (x, g, eps = 1e-5) => {
    const y = M.layerNorm(x, eps);
    const mean = g.reduce((a, b) => a + b, 0) / g.length;
    const along = M.dotp(g, y) / g.length;
    const scale = Math.sqrt(M.moments(x).variance + eps);
    return g.map((v, i) => (v - mean - y[i] * along) / scale);
  };
  M.stackGradients = (order, Ws, x0, g0) => {
    const add = (a, b) => a.map((v, i) => v + b[i]);
    let x = M.layerNorm(x0);
    let g = g0;
    const seen = [];
    for (const W of Ws) {
      seen.push(x);
      x = order === "post" ? M.layerNorm(add(x, M.apply(W, x))) : add(x, M.apply(W, M.layerNorm(x)));
    }
    if (order === "pre") g = M.layerNormVjp(x, g);
    const norms = [];
    for (let l = Ws.length - 1; l >= 0; l--) {
      const back = M.transpose(Ws[l]);
      x = seen[l];
      if (order === "post") {
        g = M.layerNormVjp(add(x, M.apply(Ws[l], x)), g);
        norms.push(M.norm(g) * M.norm(x));
        g = add(g, M.apply(back, g));
      } else {
        norms.push(M.norm(g) * M.norm(M.layerNorm(x)));
        g = add(g, M.layerNormVjp(x, M.apply(back, g)));
      }
    }
    return norms.reverse();
  };

  // ---- patterns: (i, j) → may i look at j? -------------------------------------------------------
  const part = (x, m, shift) => (shift ? Math.ceil((x - (m - (m >> 1)) + 1) / m) : Math.floor(x / m));
  const sameWindow = (shift) => (i, j, o) => {
    const at = (t) => [Math.floor(t / o.side), t % o.side].map((x) => part(x, o.w, shift)).join();
    return at(i) === at(j);
  };
  M.patterns = {
    dense: () => true,
    causal: (i, j) => j <= i,
    local: (i, j, o) => Math.abs(i - j) <= o.w,
    strided: (i, j, o) => j <= i && (i - j < o.w || (i - j) % o.w === 0),
    fixed: (i, j, o) => j <= i && (Math.floor(i / o.w) === Math.floor(j / o.w) || j % o.w === o.w - 1),
    global: (i, j, o) => Math.abs(i - j) <= o.w || i < o.g || j < o.g,
    windows: sameWindow(false),
    "shifted windows": sameWindow(true),
    "criss-cross": (i, j, o) => Math.floor(i / o.side) === Math.floor(j / o.side) || i % o.side === j % o.side,
  };
  M.pattern = (name, n, o) => M.build(n, n, (i, j) => M.patterns[name](i, j, o));
  M.FOCAL = [[1, 8], [2, 6], [4, 5]];
  M.focalKeys = (side, m, row, column) => M.FOCAL.flatMap(([pool, cells]) => {
    const out = (pool * cells - m) / 2;
    const keys = [];
    for (let a = 0; a < cells; a++) for (let b = 0; b < cells; b++) keys.push([row - out + a * pool, column - out + b * pool, pool]);
    return keys.filter(([r, c]) => r >= 0 && c >= 0 && r <= side - pool && c <= side - pool);
  });
  M.reach = (mask, layers) => {
    let now = M.build(mask.length, mask.length, (i, j) => i === j);
    for (let l = 0; l < layers; l++) {
      now = now.map((row) => {
        const out = Array(mask.length).fill(false);
        row.forEach((on, k) => { if (on) for (let j = 0; j < out.length; j++) out[j] ||= mask[k][j]; });
        return out;
      });
    }
    return now;
  };

  // ---- costs and parameters ----------------------------------------------------------------------
  M.costs = ({ n, d, k, r }) => ({
    attention: { operations: n * n * d, sequential: 1, path: 1 },
    recurrent: { operations: n * d * d, sequential: n, path: n },
    convolution: { operations: k * n * d * d, sequential: 1, path: Math.max(1, Math.log(n) / Math.log(k)) },
    restricted: { operations: Math.min(r, n) * n * d, sequential: 1, path: Math.max(1, n / r) },
  });
  M.tokens = (height, width, patch) => Math.ceil(height / patch) * Math.ceil(width / patch);
  M.countBlocks = (s) => {
    const layers = s.encoder + s.decoder;
    const stacks = (s.encoder > 0) + (s.decoder > 0);
    const one = (3 + s.output_projection) * (s.d * s.d + s.attention_bias * s.d);
    return {
      tokens: s.vocab * s.d,
      positions: stacks * s.positions * s.d + s.segments * s.d,
      attention: layers * one,
      cross: s.decoder * one,
      "feed-forward": layers * (2 * s.d * s.ffn + s.ffn + s.d),
      norms: (2 * layers + s.decoder + stacks * (s.embedding_norm + s.final_norm)) * 2 * s.d,
      output: s.pooler * (s.d * s.d + s.d) + (s.tied ? 0 : s.vocab * s.d),
    };
  };
})();
