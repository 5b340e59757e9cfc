// Arithmetic of patches; needs no page. A network reads a picture of IMAGE pixels as N × N tokens
// behind `extra` front tokens; a visitor may cut the same picture finer or coarser.
const IMAGE = 256;

const patches = {
  IMAGE,

  // What a picture of `image` pixels becomes when cut into patches of `patch`.
  facts(image, patch, channels = 3) {
    const side = image / patch;
    return { side, tokens: side * side, positions: side * side + 1, numbers: patch * patch * channels };
  },

  // The network's tokens (of N × N) under cell `cell` of a G × G grid.
  under(cell, G, N) {
    const [row, column] = [Math.floor(cell / G), cell % G];
    if (G >= N) return [Math.floor((row * N) / G) * N + Math.floor((column * N) / G)];
    const step = N / G;
    const found = [];
    for (let i = 0; i < step; i++) for (let j = 0; j < step; j++) found.push((row * step + i) * N + column * step + j);
    return found;
  },

  // Where queries look: the mean of their rows of A (T × T, flat), one weight per token.
  row(A, T, queries) {
    const out = new Float64Array(T);
    for (const q of queries) for (let k = 0; k < T; k++) out[k] += A[q * T + k] / queries.length;
    return out;
  },

  // One weight per cell of a G × G grid: a coarse cell sums its tokens', a fine one shares its token's.
  regroup(row, extra, G, N) {
    const share = G > N ? (N / G) ** 2 : 1;
    return Float64Array.from({ length: G * G }, (_, cell) =>
      share * patches.under(cell, G, N).reduce((sum, k) => sum + row[extra + k], 0));
  },

  // Steps of a square window between two cells, and the k × k convolutions that join them.
  distance(a, b, N) {
    return Math.max(Math.abs(Math.floor(a / N) - Math.floor(b / N)), Math.abs((a % N) - (b % N)));
  },
  layers(distance, k) {
    return Math.max(1, Math.ceil(distance / ((k - 1) / 2)));
  },
};
(window.genapp = window.genapp || {}).patches = patches;
