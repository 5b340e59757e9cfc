// The 2-D map: every word a dot, the query and its neighbours named.
class WordMap {
  constructor(host, pick) {
    Object.assign(this, { host, pick });
    this.canvas = make("canvas");
    this.canvas.setAttribute("role", "img");
    host.append(this.canvas);
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => this.draw());
    this.canvas.addEventListener("click", (event) => {
      const i = this.closest(event);
      if (i !== null) pick(this.data.map.names[i].trim());
    });
    new ResizeObserver(() => this.draw()).observe(host);
    new MutationObserver(() => this.draw()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  show(data) {
    this.data = data;
    const { x, y } = data.map;
    const span = (v) => [Math.min(...v), Math.max(...v)];
    [this.across, this.up] = [span(x), span(y)];
    this.canvas.setAttribute("aria-label", `Map of ${count(x.length)} words on the two widest axes; the neighbours are also listed as a table`);
    this.draw();
  }

  place(i) {
    const at = (v, [low, high], size) => 14 + ((v - low) / (high - low || 1)) * (size - 28);
    return [at(this.data.map.x[i], this.across, this.width), this.height - at(this.data.map.y[i], this.up, this.height)];
  }

  closest(event) {
    if (!this.data) return null;
    const box = this.canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    let far = 18 ** 2;
    for (let i = 0; i < this.data.map.x.length; i++) {
      const [x, y] = this.place(i);
      const d = (x - px) ** 2 + (y - py) ** 2;
      if (d < far) [best, far] = [i, d];
    }
    return best;
  }

  point(event) {
    const i = this.closest(event);
    this.draw(i);
    this.canvas.style.cursor = i === null ? "default" : "pointer";
  }

  draw(hovered = null) {
    if (!this.data) return;
    const scale = window.devicePixelRatio || 1;
    this.width = this.host.clientWidth || 320;
    this.height = Math.min(380, Math.round(this.width * 0.8));
    Object.assign(this.canvas, { width: this.width * scale, height: this.height * scale });
    Object.assign(this.canvas.style, { width: `${this.width}px`, height: `${this.height}px` });
    const c = this.canvas.getContext("2d");
    c.scale(scale, scale);
    const style = getComputedStyle(root);
    const colour = (name) => style.getPropertyValue(name).trim();
    c.fillStyle = colour("--faint");
    const dot = (i, r) => {
      const [x, y] = this.place(i);
      c.beginPath();
      c.arc(x, y, r, 0, 7);
      c.fill();
    };
    for (let i = 0; i < this.data.map.x.length; i++) dot(i, 1.2);
    const taken = [];
    const named = (i, fill, bold) => {
      c.fillStyle = fill;
      dot(i, 4);
      this.label(c, i, taken, style, bold);
    };
    for (const i of this.data.map.terms) named(i, colour("--hue"), true);
    if (this.data.map.expected !== null) named(this.data.map.expected, colour("--good"), true);
    for (const i of this.data.map.nearest) named(i, colour("--accent"), false);
    if (hovered !== null) {
      c.fillStyle = style.color;
      dot(hovered, 4);
      this.label(c, hovered, [], style, true);
    }
  }

  // A word beside its dot, where there is room; left out where there is none.
  label(c, i, taken, style, bold) {
    const [x, y] = this.place(i);
    const text = visible(this.data.map.names[i].trim());
    c.font = `${bold ? 600 : 400} 12px ${style.fontFamily}`;
    const w = c.measureText(text).width;
    for (const [dx, dy] of [[7, 4], [-7 - w, 4], [-w / 2, -8], [-w / 2, 17]]) {
      const box = [x + dx, y + dy - 11, x + dx + w, y + dy + 3];
      const free = box[0] > 0 && box[2] < this.width && taken.every((b) => box[2] < b[0] || box[0] > b[2] || box[3] < b[1] || box[1] > b[3]);
      if (!free) continue;
      taken.push(box);
      c.lineWidth = 3;
      c.strokeStyle = style.getPropertyValue("--paper").trim();
      c.strokeText(text, x + dx, y + dy);
      c.fillStyle = style.color;
      c.fillText(text, x + dx, y + dy);
      return;
    }
  }
}
