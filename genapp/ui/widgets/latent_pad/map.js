// One square map: what is drawn on it and the gestures it understands. It knows nothing of
// decoders; `hooks` are told what a person wants: grab(), move(x, y, event), wheel/pinch → look(),
// keys → nudge(axis, sign, large, event), nearest(x, y), whole().

const RAW = 12; // ms at least between two moves taken before the browser's next frame
const HIT = 400; // ms: a wheel that began elsewhere this recently is the page scrolling by

class MapView {
  constructor(root, view, hooks) {
    this.root = root;
    this.view = view;
    this.hooks = hooks;
    this.ground = root.querySelector(".lp-ground");
    this.marks = root.querySelector(".lp-marks");
    this.cursor = root.querySelector(".lp-cursor");
    this.wholeButton = root.querySelector(".lp-whole");
    this.fingers = new Map();
    this.size = 0;
    this.scrolled = 0;
    this.movedAt = 0;
    this.listen();
  }

  listen() {
    const on = (name, method, options) =>
      this.root.addEventListener(name, (event) => this[method](event), options);
    on("pointerdown", "down");
    on("pointermove", "moved");
    on("pointerrawupdate", "hurried");
    on("pointerup", "up");
    on("pointercancel", "up");
    on("dblclick", "double");
    on("wheel", "wheeled", { passive: false });
    on("keydown", "key");
    this.wholeButton.addEventListener("click", () => this.hooks.whole());
    // The double click's own pointerdown would move the cursor; so would the button's.
    this.wholeButton.addEventListener("pointerdown", (event) => event.stopPropagation());
    this.pageWheel = (event) => {
      if (!this.root.contains(event.target)) this.scrolled = event.timeStamp;
    };
    window.addEventListener("wheel", this.pageWheel, { passive: true, capture: true });
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(this.root);
  }

  close() {
    window.removeEventListener("wheel", this.pageWheel, { capture: true });
    this.watcher.disconnect();
  }

  resize() {
    const size = this.root.clientWidth;
    if (!size) return;
    const dense = Math.min(3, window.devicePixelRatio || 1);
    if (size === this.size && dense === this.dense) return;
    this.size = size;
    this.dense = dense;
    for (const canvas of [this.ground, this.marks]) {
      canvas.width = Math.round(size * dense);
      canvas.height = Math.round(size * dense);
    }
    this.hooks.resized();
  }

  // ------------------------------------------------------------------ gestures

  place(event) {
    return [event.clientX - this.box.left, event.clientY - this.box.top];
  }

  down(event) {
    if (event.button > 0) return;
    this.box = this.root.getBoundingClientRect();
    this.fingers.set(event.pointerId, this.place(event));
    try {
      this.root.setPointerCapture(event.pointerId);
    } catch (e) {
      // a pointer that has already gone
    }
    if (this.fingers.size === 1) {
      this.hooks.grab();
      this.hooks.move(...this.view.toMap(...this.place(event), this.size), event);
    }
    this.root.focus({ preventScroll: true });
    event.preventDefault();
  }

  // The browser holds pointermove back until its next frame, 8 ms on average; where it offers the
  // raw event too, the request leaves at once and its picture makes that frame.
  hurried(event) {
    if (this.fingers.size === 1 && event.timeStamp - this.movedAt >= RAW) this.moved(event);
  }

  moved(event) {
    if (!this.fingers.has(event.pointerId)) return;
    const [x, y] = this.place(event);
    const [x0, y0] = this.fingers.get(event.pointerId);
    if (x === x0 && y === y0) return;
    this.movedAt = event.timeStamp;
    const before = [...this.fingers.values()];
    this.fingers.set(event.pointerId, [x, y]);
    if (this.fingers.size === 1) {
      this.hooks.move(...this.view.toMap(x, y, this.size), event);
    } else if (this.fingers.size === 2) {
      this.pinch(before, [...this.fingers.values()]);
    }
  }

  up(event) {
    this.fingers.delete(event.pointerId);
  }

  pinch(before, now) {
    const gap = ([a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
    const middle = ([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const [x, y] = middle(now);
    const [x0, y0] = middle(before);
    this.view.pan(-(x - x0) / this.size, (y - y0) / this.size);
    this.view.zoom(gap(now) / gap(before), x / this.size, 1 - y / this.size);
    this.hooks.look();
  }

  wheeled(event) {
    if (event.timeStamp - this.scrolled < HIT) {
      this.scrolled = event.timeStamp;
      return;
    }
    if (event.deltaY > 0 && this.view.width >= 2) return; // as far out as it goes: let the page scroll
    event.preventDefault();
    const box = this.root.getBoundingClientRect();
    const unit = event.deltaMode === 1 ? 16 : 1;
    const factor = Math.exp(clamp(-event.deltaY * unit, -120, 120) / 400);
    this.view.zoom(
      factor,
      (event.clientX - box.left) / box.width,
      1 - (event.clientY - box.top) / box.height,
    );
    this.hooks.look();
  }

  double(event) {
    const box = this.root.getBoundingClientRect();
    const at = [event.clientX - box.left, event.clientY - box.top];
    this.hooks.nearest(...this.view.toMap(...at, this.size));
  }

  key(event) {
    if (event.target !== this.root || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrows = {
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      ArrowDown: [1, -1],
      ArrowUp: [1, 1],
    };
    const zooms = { "+": 1.25, "=": 1.25, "-": 0.8 };
    if (arrows[event.key]) this.hooks.nudge(...arrows[event.key], event.shiftKey, event);
    else if (event.key === "Enter") this.hooks.nearest(null, null);
    else if (event.key === "0") this.hooks.whole();
    else if (zooms[event.key]) {
      this.view.zoom(zooms[event.key], 0.5, 0.5);
      this.hooks.look();
    } else return;
    event.preventDefault();
  }

  // ------------------------------------------------------------------ drawing

  moveCursor(x, y) {
    const [px, py] = this.view.toScreen(x, y, this.size);
    this.cursor.style.transform = `translate(${px.toFixed(1)}px, ${py.toFixed(1)}px)`;
    this.cursor.hidden = false;
  }

  begin(canvas) {
    const context = canvas.getContext("2d");
    context.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    context.clearRect(0, 0, this.size, this.size);
    return context;
  }

  // `scene`: {space, i, j, ink, paper, mosaic: {canvas, left, bottom, width} | null, points: 0…1,
  // tiles: 0…1, alone: class or −1}
  drawGround(scene) {
    this.wholeButton.hidden = this.view.whole;
    if (!this.size) return;
    const context = this.begin(this.ground);
    if (scene.mosaic && scene.tiles) this.drawMosaic(context, scene.mosaic, scene.tiles);
    if (!scene.space) return;
    this.drawAxes(context, scene);
    if (scene.points) this.drawPoints(context, scene);
  }

  drawMosaic(context, { canvas, left, bottom, width }, opacity) {
    const [x0, y0] = this.view.toScreen(left, bottom + width, this.size);
    const [x1, y1] = this.view.toScreen(left + width, bottom, this.size);
    context.globalAlpha = opacity;
    context.imageSmoothingQuality = "high";
    context.drawImage(canvas, x0, y0, x1 - x0, y1 - y0);
    context.globalAlpha = 1;
  }

  drawPoints(context, { space, i, j, points, alone, paper, ink }) {
    const radius = clamp(1.5 / Math.sqrt(this.view.width), 1.4, 4) * (this.size < 300 ? 0.8 : 1);
    space.groups.forEach((group, label) => {
      context.globalAlpha = points * (alone < 0 || alone === label ? 0.8 : 0.07);
      context.fillStyle = colourOf(label, space.classes, ink);
      context.beginPath();
      for (const k of group) {
        const [x, y] = this.view.toScreen(
          space.codes[k * space.d + i], space.codes[k * space.d + j], this.size,
        );
        context.moveTo(x + radius, y);
        context.arc(x, y, radius, 0, 2 * Math.PI);
      }
      context.fill();
    });
    context.globalAlpha = 1;
    for (let label = 0; label < space.classes.length; label++) {
      if (alone < 0 || alone === label) this.drawName(context, space, label, i, j, paper, ink);
    }
  }

  drawName(context, space, label, i, j, paper, ink) {
    const middle = space.middle(label, i, j);
    if (!middle) return;
    const [x, y] = this.view.toScreen(...middle, this.size);
    context.font = "600 15px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = paper;
    context.fillStyle = `rgb(${ink})`;
    context.strokeText(space.classes[label], x, y);
    context.fillText(space.classes[label], x, y);
  }

  // The two zero lines, and a few numbers in z along the lower and left edges.
  drawAxes(context, { space, i, j, ink, paper }) {
    const zero = space.low.map((low, k) => -low / space.span(k));
    const [x0, y0] = this.view.toScreen(zero[i], zero[j], this.size);
    context.strokeStyle = `rgba(${ink}, 0.14)`;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(Math.round(x0) + 0.5, 0);
    context.lineTo(Math.round(x0) + 0.5, this.size);
    context.moveTo(0, Math.round(y0) + 0.5);
    context.lineTo(this.size, Math.round(y0) + 0.5);
    context.stroke();
    context.fillStyle = `rgba(${ink}, 0.65)`;
    context.strokeStyle = paper;
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.font = "11px system-ui, sans-serif";
    this.drawTicks(context, space, i, true);
    this.drawTicks(context, space, j, false);
  }

  drawTicks(context, space, k, across) {
    const from = across ? this.view.left : this.view.bottom;
    const zAt = (u) => space.low[k] + u * space.span(k);
    const gap = tickGap((this.view.width * space.span(k)) / 5);
    context.textAlign = across ? "center" : "left";
    context.textBaseline = across ? "alphabetic" : "middle";
    for (let z = Math.ceil(zAt(from) / gap) * gap; z < zAt(from + this.view.width); z += gap) {
      const u = (z - space.low[k]) / space.span(k);
      const text = String(Number(z.toFixed(6))).replace("-", "−");
      const [x, y] = this.view.toScreen(u, u, this.size);
      const at = across ? [x, this.size - 6] : [6, y];
      if (across ? x < 24 || x > this.size - 14 : y < 14 || y > this.size - 24) continue;
      context.strokeText(text, ...at);
      context.fillText(text, ...at);
    }
  }

  // Own drawings and anchors: [{x, y, rx, ry, name, colour}], with a line from A to B.
  drawMarks(marks, line, ink, paper) {
    if (!this.size) return;
    const context = this.begin(this.marks);
    if (line) {
      context.strokeStyle = `rgba(${ink}, 0.6)`;
      context.setLineDash([5, 5]);
      context.lineWidth = 1.5;
      context.beginPath();
      for (const [x, y] of line) context.lineTo(...this.view.toScreen(x, y, this.size));
      context.stroke();
      context.setLineDash([]);
    }
    for (const mark of marks) this.drawMark(context, mark, ink, paper);
  }

  drawMark(context, { x, y, rx = 0, ry = 0, name, colour }, ink, paper) {
    const [px, py] = this.view.toScreen(x, y, this.size);
    const scale = this.size / this.view.width;
    context.strokeStyle = `rgb(${ink})`;
    for (const sigmas of [1, 2]) {
      context.globalAlpha = 0.8 / sigmas;
      context.lineWidth = 1.5;
      context.beginPath();
      context.ellipse(px, py, sigmas * rx * scale, sigmas * ry * scale, 0, 0, 2 * Math.PI);
      context.stroke();
    }
    context.globalAlpha = 1;
    context.beginPath();
    context.arc(px, py, 9, 0, 2 * Math.PI);
    context.fillStyle = colour || `rgb(${ink})`;
    context.fill();
    context.fillStyle = paper;
    context.font = "600 11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(name, px, py + 0.5);
  }
}

// 1, 2 or 5 times a power of ten, not below `least`.
function tickGap(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((m) => m * power >= least);
}
