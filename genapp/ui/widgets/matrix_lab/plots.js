// Small pictures: bars, lines and maps in SVG or on a canvas. No library, the page's own colours.

function svg(tag, attributes = {}, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// Rows of named bars; items: {name, value, top?, text?, note?, shut?}
class Bars {
  constructor(label) {
    this.root = el("div", "ml-bars", undefined, { role: "img" });
    this.label = label;
  }

  set(items, top = 1) {
    while (this.root.children.length > items.length) this.root.lastChild.remove();
    items.forEach((item, i) => {
      let row = this.root.children[i];
      if (!row) {
        row = el("div", "ml-bar");
        row.append(el("span", "ml-name"), el("i"), el("span", "ml-value"));
        this.root.append(row);
      }
      const [name, bar, value] = row.children;
      name.textContent = item.name;
      bar.style.setProperty("--w", Number.isFinite(item.value) ? Math.min(1, Math.abs(item.value) / top) : 0);
      bar.className = item.value < 0 ? "ml-neg" : "";
      value.textContent = item.text ?? fmt(item.value, 3);
    });
    this.root.setAttribute("aria-label", `${this.label}: ${items.map((i) => `${i.name} ${i.text ?? fmt(i.value, 3)}`).join(", ")}`);
  }
}

const SERIES = ["var(--ml-a)", "var(--ml-b)", "var(--ml-c)", "var(--ml-d)", "var(--body-text-color-subdued)"];

// lines: [{name, points: [[x, y], …], dashed?, dots?}]; options: {xlog, ylog, x, y, low?, high?, mark?}
function lineChart(label, lines, o) {
  const [W, H, left, bottom, top, right] = [560, 270, 56, 36, 26, 12];
  const all = lines.flatMap((l) => l.points).filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  const fx = (v) => (o.xlog ? Math.log10(v) : v);
  const fy = (v) => (o.ylog ? Math.log10(Math.max(v, 1e-12)) : v);
  const xs = all.map((p) => fx(p[0]));
  const ys = [...all.map((p) => fy(p[1])), ...(o.low === undefined ? [] : [fy(o.low)]), ...(o.high === undefined ? [] : [fy(o.high)])];
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const px = (v) => left + ((fx(v) - x0) / (x1 - x0 || 1)) * (W - left - right);
  const py = (v) => H - bottom - ((fy(v) - y0) / (y1 - y0 || 1)) * (H - bottom - top);
  const chart = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label, class: "ml-chart" });
  const ticks = (a, b, log) => {
    if (log) {
      const step = Math.max(1, Math.ceil((b - a) / 5));
      return Array.from({ length: Math.floor(b + 1e-9) - Math.ceil(a - 1e-9) + 1 }, (_, i) => Math.ceil(a - 1e-9) + i).filter((t) => t % step === 0).map((t) => 10 ** t);
    }
    const raw = (b - a || 1) / 4;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => s >= raw);
    const found = [];
    for (let t = Math.ceil(a / step) * step; t <= b + 1e-9; t += step) found.push(Number(t.toPrecision(12)));
    return found;
  };
  const name = (v) => (Math.abs(v) >= 10000 || (v && Math.abs(v) < 0.001) ? `10${[...String(Math.round(Math.log10(Math.abs(v))))].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("")}` : String(v));
  for (const t of ticks(y0, y1, o.ylog)) {
    chart.append(svg("line", { x1: left, x2: W - right, y1: py(t), y2: py(t), class: "ml-rule" }));
    chart.append(svg("text", { x: left - 7, y: py(t) + 4, "text-anchor": "end" }, name(t)));
  }
  for (const t of ticks(x0, x1, o.xlog)) chart.append(svg("text", { x: px(t), y: H - bottom + 17, "text-anchor": "middle" }, name(t)));
  chart.append(svg("text", { x: (left + W - right) / 2, y: H - 3, "text-anchor": "middle", class: "ml-axis" }, o.x));
  if (o.y) chart.append(svg("text", { x: 4, y: 11, class: "ml-axis" }, o.y));
  if (o.mark !== undefined && fx(o.mark) >= x0 && fx(o.mark) <= x1) chart.append(svg("line", { x1: px(o.mark), x2: px(o.mark), y1: top, y2: H - bottom, class: "ml-now" }));
  lines.forEach((line, i) => {
    const colour = line.colour ?? SERIES[i % SERIES.length];
    const points = line.points.filter(([, y]) => Number.isFinite(y));
    chart.append(svg("polyline", { points: points.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join(" "), fill: "none", style: `stroke:${colour}`, "stroke-width": 2, "stroke-dasharray": line.dashed ? "4 4" : "none", "stroke-linejoin": "round" }));
    if (line.dots) for (const [x, y] of points) chart.append(svg("circle", { cx: px(x), cy: py(y), r: 3, style: `fill:${colour}` }));
  });
  const box = el("div", "ml-plot");
  const legend = el("div", "ml-legend");
  lines.forEach((line, i) => {
    const item = el("span", line.dashed ? "ml-dashed" : "");
    const key = el("i");
    key.style.setProperty("--c", line.colour ?? SERIES[i % SERIES.length]);
    item.append(key, line.name);
    legend.append(item);
  });
  box.append(chart, ...(lines.length > 1 ? [legend] : []));
  return box;
}

// Histogram of values as thin bars.
function histogram(label, sets, bins = 41) {
  const top = Math.max(...sets.flatMap((s) => s.values.map(Math.abs))) || 1;
  const lines = sets.map((s) => {
    const counts = Array(bins).fill(0);
    for (const v of s.values) counts[Math.min(bins - 1, Math.floor(((v + top) / (2 * top)) * bins))]++;
    return { name: s.name, points: counts.map((c, i) => [-top + ((i + 0.5) * 2 * top) / bins, c / s.values.length]) };
  });
  return lineChart(label, lines, { x: "score", y: "share of pairs", low: 0 });
}

// A matrix too large for numbers. tint: "signed" | "weight"; marks: {row, column}
class HeatMap {
  constructor(label, about = {}) {
    this.about = about;
    this.label = label;
    this.root = el("figure", "ml-heat");
    this.caption = el("figcaption");
    this.canvas = el("canvas", "", undefined, { role: "img", tabindex: about.hover || about.press ? "0" : "-1" });
    this.readout = el("p", "ml-read");
    this.root.append(this.caption, this.canvas, this.readout);
    this.canvas.addEventListener("pointermove", (e) => this.point(e, this.about.hover));
    this.canvas.addEventListener("click", (e) => this.point(e, this.about.press));
    this.canvas.addEventListener("keydown", (e) => this.key(e));
    this.here = [0, 0];
  }

  point(event, action) {
    if (!this.A) return;
    const box = this.canvas.getBoundingClientRect();
    const i = Math.floor(((event.clientY - box.top) / box.height) * this.A.length);
    const j = Math.floor(((event.clientX - box.left) / box.width) * this.A[0].length);
    if (this.A[i]?.[j] !== undefined) this.visit(i, j, action);
  }

  visit(i, j, action) {
    this.here = [i, j];
    const name = this.about.names ? this.about.names(i, j) : `row ${i}, column ${j}`;
    this.readout.textContent = `${name}: ${typeof this.A[i][j] === "boolean" ? (this.A[i][j] ? "open" : "shut") : fmt(this.A[i][j], 3)}`;
    action?.(i, j);
  }

  key(event) {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (move) {
      event.preventDefault();
      const at = this.here.map((v, n) => v + move[n]);
      if (this.A[at[0]]?.[at[1]] !== undefined) this.visit(...at, this.about.hover ?? this.about.press);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.visit(...this.here, this.about.press);
    }
  }

  // colours: optional (v, i, j) → CSS colour
  set(A, title, colours = null) {
    this.A = A;
    this.caption.textContent = title;
    this.canvas.setAttribute("aria-label", `${this.label}: ${title}, ${A.length} by ${A[0].length}`);
    const scale = Math.max(1, Math.floor(480 / Math.max(A.length, A[0].length)));
    this.canvas.width = A[0].length * scale;
    this.canvas.height = A.length * scale;
    this.canvas.style.aspectRatio = String(Math.max(0.9, Math.min(2.4, A[0].length / A.length)));
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(this.root);
    const [plus, minus, weight] = ["--ml-plus", "--ml-minus", "--ml-weight"].map((n) => style.getPropertyValue(n).trim() || "#666");
    const top = this.about.top ?? Math.max(1e-9, ...A.flat().filter(Number.isFinite).map(Math.abs));
    A.forEach((row, i) => row.forEach((v, j) => {
      const own = colours?.(v, i, j);
      context.globalAlpha = own ? 1 : Number.isFinite(Number(v)) ? Math.min(1, Math.abs(Number(v)) / top) : 0;
      context.fillStyle = own || (this.about.tint === "signed" ? (v < 0 ? minus : plus) : weight);
      const gap = scale > 6 ? 1 : 0;
      context.fillRect(j * scale, i * scale, scale - gap, scale - gap);
    }));
    context.globalAlpha = 1;
  }
}
