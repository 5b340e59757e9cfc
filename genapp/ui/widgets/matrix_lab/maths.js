// The mechanics of attention in float64, the same functions as genapp/mechanics on the server.
// Matrices are arrays of rows. A closed mask entry is false; NaN is "nothing left to look at".
(() => {
  const genapp = (window.genapp = window.genapp || {});
  const M = (genapp.mechanics = {});

  M.zeros = (rows, columns, value = 0) => Array.from({ length: rows }, () => Array(columns).fill(value));
  M.build = (rows, columns, f) => Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => f(i, j)));
  M.transpose = (A) => A[0].map((_, j) => A.map((row) => row[j]));
  M.map = (A, f) => A.map((row, i) => row.map((x, j) => f(x, i, j)));
  M.dotp = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  M.norm = (a) => Math.sqrt(M.dotp(a, a));

  M.matmul = (A, B) => {
    const columns = B[0].length;
    return A.map((row) => {
      const out = Array(columns).fill(0);
      row.forEach((a, k) => { for (let j = 0; j < columns; j++) out[j] += a * B[k][j]; });
      return out;
    });
  };

  M.softmax = (x, temperature = 1) => {
    const most = Math.max(...x);
    const e = x.map((v) => Math.exp((v - most) / temperature));
    const sum = e.reduce((a, b) => a + b, 0);
    return e.map((v) => v / sum); // only −∞: NaN, as in numpy
  };
  M.normalise = (x) => { const sum = x.reduce((a, b) => a + b, 0); return x.map((v) => v / sum); };
  M.entropy = (p) => -p.reduce((sum, v) => sum + (v > 0 ? v * Math.log(v) : 0), 0);
  M.softmaxGradient = (a) => {
    const power = (n) => a.reduce((sum, v) => sum + v ** n, 0);
    return Math.sqrt(Math.max(power(2) - 2 * power(3) + power(2) ** 2, 0));
  };

  // Every step between tokens and context vectors; `wrong` zeroes weights after the softmax.
  M.attention = ({ Q, K, V, mask = null, divisor = Math.sqrt(Q[0].length), temperature = 1, wrong = false }) => {
    const scores = M.matmul(Q, M.transpose(K));
    const scaled = M.map(scores, (s) => s / divisor);
    const masked = mask && !wrong ? M.map(scaled, (s, i, j) => (mask[i][j] ? s : -Infinity)) : scaled;
    let weights = masked.map((row) => M.softmax(row, temperature));
    if (mask && wrong) weights = M.map(weights, (a, i, j) => (mask[i][j] ? a : 0));
    return { Q, K, V, scores, scaled, masked, weights, output: M.matmul(weights, V) };
  };
  M.attend = ({ X, memory = X, Wq, Wk, Wv, ...rest }) =>
    M.attention({ Q: M.matmul(X, Wq), K: M.matmul(memory, Wk), V: M.matmul(memory, Wv), ...rest });

  M.causalMask = (T) => M.build(T, T, (i, j) => j <= i);
  M.paddingMask = (T, pads) => M.build(T, T, (i, j) => j < T - pads);

  // ---- scoring functions: keys h (S rows), query q ------------------------------------------
  const apply = (W, x) => W.map((row) => M.dotp(row, x));
  M.apply = apply;
  M.scoring = {
    dot: (h, q) => h.map((k) => M.dotp(k, q)),
    exponential: (h, q, p) => h.map((k) => p.mu * Math.exp(M.dotp(k, q))),
    bilinear: (h, q, p) => h.map((k) => M.dotp(k, apply(p.W, q))),
    additive: (h, q, p) => {
      const b = apply(p.V, q);
      return h.map((k) => M.dotp(p.w, apply(p.U, k).map((a, i) => Math.tanh(a + b[i]))));
    },
    scaled_dot: (h, q, p) => {
      const b = apply(p.Wq, q);
      return h.map((k) => M.dotp(apply(p.Wk, k), b) / Math.sqrt(b.length));
    },
    query_free: (h, q, p) => h.map((k) => Math.tanh(M.dotp(k, p.e) + p.b)),
  };
  M.scoringParameters = (d, a) => ({
    dot: 0, exponential: 1, bilinear: d * d, additive: 2 * a * d + a, scaled_dot: 2 * d * d, query_free: d + 1,
  });

  // ---- randomness with a seed (mulberry32, Box–Muller) ----------------------------------------
  M.random = (seed) => {
    let s = seed >>> 0;
    const uniform = () => {
      s = (s + 0x6d2b79f5) >>> 0;
      let t = Math.imul(s ^ (s >>> 15), 1 | s);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    let spare = null;
    const normal = () => {
      if (spare !== null) { const x = spare; spare = null; return x; }
      const r = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = r * Math.sin(angle);
      return r * Math.cos(angle);
    };
    const pick = (p) => { let u = uniform(); const i = p.findIndex((v) => (u -= v) < 0); return i < 0 ? p.length - 1 : i; };
    return { uniform, normal, pick, normals: (rows, columns, scale = 1) => M.build(rows, columns, () => scale * normal()) };
  };

  // Scores of `queries` queries against `keys` keys of width d, all N(0, 1): rows of scores.
  M.drawScores = (d, keys, queries, seed) => {
    const r = M.random(seed);
    const q = new Float64Array(d);
    return M.build(queries, 1, () => 0).map(() => {
      for (let i = 0; i < d; i++) q[i] = r.normal();
      return Array.from({ length: keys }, () => { let s = 0; for (let i = 0; i < d; i++) s += q[i] * r.normal(); return s; });
    });
  };
  M.sharpness = (rows, divisor) => {
    const mean = (f) => rows.reduce((sum, row) => sum + f(row), 0) / rows.length;
    const all = rows.flat();
    const middle = all.reduce((a, b) => a + b, 0) / all.length;
    const a = rows.map((row) => M.softmax(row.map((s) => s / divisor)));
    const over = (f) => a.reduce((sum, row) => sum + f(row), 0) / a.length;
    return {
      std: Math.sqrt(mean((row) => row.reduce((s, v) => s + (v - middle) ** 2, 0) / row.length)),
      entropy: over(M.entropy), largest: over((row) => Math.max(...row)), gradient: over(M.softmaxGradient),
    };
  };

  // ---- soft and hard ------------------------------------------------------------------------------
  M.softGradient = (a, reward) => { const mean = M.dotp(a, reward); return a.map((v, i) => v * (reward[i] - mean)); };
  M.reinforceVariance = (a, reward) => {
    const mean = M.softGradient(a, reward);
    return a.reduce((sum, p, s) => sum + p * a.reduce((t, v, i) => t + (reward[s] * ((i === s) - v) - mean[i]) ** 2, 0), 0);
  };

  // ---- several heads ------------------------------------------------------------------------------
  M.multiHead = ({ X, Wq, Wk, Wv, Wo, heads, keep = [], mask = null }) => {
    const size = Wq[0].length / heads;
    const block = (A, h) => A.map((row) => row.slice(h * size, (h + 1) * size));
    const [Q, K, V] = [Wq, Wk, Wv].map((W) => M.matmul(X, W));
    const each = Array.from({ length: heads }, (_, h) => M.attention({ Q: block(Q, h), K: block(K, h), V: block(V, h), mask }));
    const concat = X.map((_, i) => each.flatMap((head, h) => head.output[i].map((x) => (keep[h] === false ? 0 : x))));
    return { heads: each, concat, output: M.matmul(concat, Wo) };
  };
})();
