// Drawing: every canvas shows the picture's 256 × 256 pixels, however large it lies on the page.
const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

function sheet(label, side = IMAGE) {
  const canvas = make("canvas");
  canvas.width = canvas.height = side * 2;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const ctx = canvas.getContext("2d");
  ctx.scale(2, 2);
  return { canvas, ctx };
}

function figure(title, canvas, note) {
  const box = make("figure");
  const words = make("figcaption");
  words.append(make("b", "", title));
  const rest = make("span", "", note);
  words.append(rest);
  box.append(canvas, words);
  return { box, rest };
}

// The grid of cells of p pixels.
function lines(ctx, p, colour = "rgba(255,255,255,.55)") {
  ctx.strokeStyle = colour;
  ctx.lineWidth = p < 16 ? 0.4 : 1;
  ctx.beginPath();
  for (let at = p; at < IMAGE; at += p) {
    ctx.moveTo(at, 0);
    ctx.lineTo(at, IMAGE);
    ctx.moveTo(0, at);
    ctx.lineTo(IMAGE, at);
  }
  ctx.stroke();
}

function outline(ctx, cell, p, colour, text = "") {
  const G = IMAGE / p;
  const [x, y] = [(cell % G) * p, Math.floor(cell / G) * p];
  ctx.lineWidth = 4;
  ctx.strokeStyle = "rgba(0,0,0,.55)";
  ctx.strokeRect(x, y, p, p);
  ctx.lineWidth = 2.4;
  ctx.strokeStyle = colour;
  ctx.strokeRect(x, y, p, p);
  if (!text) return;
  ctx.fillStyle = colour;
  ctx.fillRect(x, y, p, 14);
  ctx.fillStyle = "#fff";
  ctx.font = "600 10.5px sans-serif";
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(text, x + p / 2, y + 7.5);
}

// Weights as light: what is looked at most stays bright.
function light(ctx, weights, p) {
  const G = IMAGE / p;
  const top = Math.max(1e-9, ...weights);
  weights.forEach((w, cell) => {
    ctx.fillStyle = `rgba(8, 8, 18, ${(0.86 * (1 - w / top)).toFixed(3)})`;
    ctx.fillRect((cell % G) * p, Math.floor(cell / G) * p, p + 0.2, p + 0.2);
  });
}

// Σ weight × patch, as p × p pixels stretched over the canvas. `pixels` are the picture's RGBA.
function blend(ctx, pixels, weights, p) {
  const G = IMAGE / p;
  const sum = new Float64Array(p * p * 3);
  let total = 0;
  weights.forEach((w, cell) => {
    total += w;
    const [x, y] = [(cell % G) * p, Math.floor(cell / G) * p];
    for (let i = 0; i < p; i++)
      for (let j = 0; j < p; j++)
        for (let c = 0; c < 3; c++)
          sum[(i * p + j) * 3 + c] += w * pixels[((y + i) * IMAGE + x + j) * 4 + c];
  });
  const small = make("canvas");
  small.width = small.height = p;
  const out = new ImageData(p, p);
  for (let i = 0; i < p * p; i++) {
    for (let c = 0; c < 3; c++) out.data[i * 4 + c] = sum[i * 3 + c] / Math.max(total, 1e-9);
    out.data[i * 4 + 3] = 255;
  }
  small.getContext("2d").putImageData(out, 0, 0);
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(small, 0, 0, IMAGE, IMAGE);
  return total;
}

// All patches in one row, as the network gets them.
function row(canvas, image, p, chosen) {
  const G = IMAGE / p;
  const size = { 64: 44, 32: 30, 16: 18, 8: 10 }[p];
  const gap = p < 32 ? 1 : 3;
  canvas.width = G * G * (size + gap);
  canvas.height = size + 4;
  canvas.style.width = `${canvas.width}px`;
  const ctx = canvas.getContext("2d");
  for (let cell = 0; cell < G * G; cell++) {
    const x = cell * (size + gap);
    ctx.drawImage(image, (cell % G) * p, Math.floor(cell / G) * p, p, p, x, 2, size, size);
    if (cell !== chosen) continue;
    ctx.lineWidth = 3;
    ctx.strokeStyle = ACCENT;
    ctx.strokeRect(x + 1, 2, size - 2, size);
  }
  return size + gap;
}

const ACCENT = "#e2673a";
const SECOND = "#3b7de0";

// The cell under the pointer.
function cellAt(canvas, event, p) {
  const box = canvas.getBoundingClientRect();
  const G = IMAGE / p;
  const at = (v, from, length) => Math.max(0, Math.min(G - 1, Math.floor(((v - from) / length) * G)));
  return at(event.clientY, box.top, box.height) * G + at(event.clientX, box.left, box.width);
}

// Arrow keys: the neighbouring cell, or null.
function moved(key, cell, G) {
  const [r, c] = [Math.floor(cell / G), cell % G];
  const [i, j] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key] || [];
  if (i === undefined) return null;
  return Math.max(0, Math.min(G - 1, r + i)) * G + Math.max(0, Math.min(G - 1, c + j));
}
