// Curves on a canvas: smoothed lines over their faint raw ones, a second run dashed, a crosshair.

const RV_COLOURS = ["--rv-1", "--rv-2", "--rv-3", "--rv-4", "--rv-5", "--rv-6"];
const RV_MARGIN = { left: 52, right: 12, top: 10, bottom: 24 };

// Exponential mean, corrected for its start; evaluations are few and stay as they are.
function rvSmooth(points, weight) {
  let mean = 0, sum = 0;
  return points.map(([x, y]) => {
    mean = weight * mean + (1 - weight) * y;
    sum = weight * sum + (1 - weight);
    return [x, mean / sum];
  });
}

// Round numbers that cut low…high into about `count` parts.
function rvTicks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const unit = [1, 2, 5, 10].find((u) => u * power >= rough) * power;
  const ticks = [];
  for (let t = Math.ceil(low / unit) * unit; t <= high + unit * 1e-6; t += unit) {
    ticks.push(Math.abs(t) < unit * 1e-6 ? 0 : t);
  }
  return ticks;
}

function rvLogTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    const ratio = high / low;
    for (const unit of ratio > 1000 ? [1] : ratio > 15 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 7]) {
      const tick = unit * 10 ** power;
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks.length > 1 ? ticks : rvTicks(low, high, 4);
}

function rvStep(value) {
  return value >= 10000 ? `${Number((value / 1000).toPrecision(3))}k` : rvCount(value);
}

// Lowest and highest of what is drawn; a wild start doesn't flatten all that follows.
function rvSpan(lines) {
  const values = lines.flatMap((line) => line.points.map((p) => p[1])).filter(Number.isFinite);
  if (!values.length) return null;
  const sorted = Float64Array.from(values).sort();
  const last = sorted[sorted.length - 1];
  const usual = sorted[Math.floor((sorted.length - 1) * 0.97)];
  const low = sorted[0];
  return [low, sorted.length > 40 && last - low > 3 * (usual - low) ? usual : last];
}

// The value at the point nearest to x.
function rvNearest(points, x) {
  let low = 0, high = points.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < x) low = middle;
    else high = middle;
  }
  return x - points[low][0] < points[high][0] - x ? points[low] : points[high];
}

function rvChart(canvas, readout) {
  const pen = canvas.getContext("2d");
  let lines = [], log = false, cursor = null, planned = false, frame = null;

  function colour(name) {
    return getComputedStyle(canvas).getPropertyValue(name).trim() || "#888";
  }

  // Where things go: data ranges and the functions from data to pixels.
  function layout() {
    const box = canvas.getBoundingClientRect();
    const span = rvSpan(lines);
    if (!span || !box.width) return null;
    let [low, high] = span;
    const usesLog = log && low > 0;
    if (low === high) [low, high] = usesLog ? [low / 1.1, high * 1.1] : [low - 0.5, high + 0.5];
    const f = usesLog ? Math.log : (v) => v;
    const pad = (f(high) - f(low)) * 0.04;
    const bottom = f(low) - pad, top = f(high) + pad;
    const steps = lines.flatMap((l) => [l.points[0][0], l.points[l.points.length - 1][0]]);
    const from = Math.min(...steps), to = Math.max(...steps, from + 1);
    const width = box.width - RV_MARGIN.left - RV_MARGIN.right;
    const height = box.height - RV_MARGIN.top - RV_MARGIN.bottom;
    return {
      box, from, to, low, high, usesLog,
      x: (step) => RV_MARGIN.left + ((step - from) / (to - from)) * width,
      y: (value) => RV_MARGIN.top + (1 - (f(value) - bottom) / (top - bottom)) * height,
      step: (x) => from + ((x - RV_MARGIN.left) / width) * (to - from),
    };
  }

  function axes(at) {
    pen.font = "11px ui-sans-serif, system-ui, sans-serif";
    pen.fillStyle = colour("--rv-quiet");
    pen.strokeStyle = colour("--rv-line");
    pen.lineWidth = 1;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    const ticks = at.usesLog ? rvLogTicks(at.low, at.high) : rvTicks(at.low, at.high, 6);
    for (const tick of ticks) {
      const y = Math.round(at.y(tick)) + 0.5;
      pen.beginPath();
      pen.moveTo(RV_MARGIN.left, y);
      pen.lineTo(at.box.width - RV_MARGIN.right, y);
      pen.stroke();
      pen.fillText(rvNumber(tick), RV_MARGIN.left - 8, y);
    }
    pen.textBaseline = "alphabetic";
    for (const tick of rvTicks(at.from, at.to, Math.max(2, at.box.width / 130))) {
      pen.textAlign = at.x(tick) > at.box.width - 40 ? "right" : "center";
      pen.fillText(rvStep(tick), at.x(tick), at.box.height - 6);
    }
  }

  function draw(line, at) {
    pen.save();
    pen.beginPath();
    pen.rect(RV_MARGIN.left, 0, at.box.width - RV_MARGIN.left, at.box.height - RV_MARGIN.bottom);
    pen.clip();
    pen.strokeStyle = pen.fillStyle = colour(line.colour);
    pen.lineJoin = "round";
    pen.setLineDash(line.dashed ? [5, 4] : []);
    if (line.raw) stroke(line.raw, at, 1, line.dashed ? 0.12 : 0.22);
    stroke(line.points, at, 2, line.dashed ? 0.7 : 1);
    if (!line.raw && line.points.length < 40) dots(line.points, at);
    pen.restore();
  }

  function stroke(points, at, width, alpha) {
    pen.globalAlpha = alpha;
    pen.lineWidth = width;
    pen.beginPath();
    points.forEach(([step, value], i) => pen[i ? "lineTo" : "moveTo"](at.x(step), at.y(value)));
    pen.stroke();
  }

  function dots(points, at) {
    for (const [step, value] of points) {
      pen.beginPath();
      pen.arc(at.x(step), at.y(value), 2.6, 0, 7);
      pen.fill();
    }
  }

  function crosshair(at) {
    if (cursor === null) return newestValues();
    const step = Math.min(at.to, Math.max(at.from, at.step(cursor)));
    const near = rvNearest(lines[0].points, step)[0];
    pen.globalAlpha = 1;
    pen.strokeStyle = colour("--rv-quiet");
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(at.x(near), RV_MARGIN.top);
    pen.lineTo(at.x(near), at.box.height - RV_MARGIN.bottom);
    pen.stroke();
    tell(`step ${rvCount(near)}`, (line) => rvNearest(line.points, near));
  }

  function newestValues() {
    tell("now", (line) => line.points[line.points.length - 1]);
  }

  function tell(when, pick) {
    const parts = lines.map((line) => {
      const part = rvElement("span", "", `${line.name} ${rvNumber(pick(line)[1])}`);
      part.style.setProperty("--c", `var(${line.colour})`);
      part.classList.toggle("rv-dashed", line.dashed);
      return part;
    });
    readout.replaceChildren(rvElement("b", "", when), ...parts);
  }

  function paint() {
    planned = false;
    const ratio = window.devicePixelRatio || 1;
    const box = canvas.getBoundingClientRect();
    canvas.width = Math.round(box.width * ratio);
    canvas.height = Math.round(box.height * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    frame = layout();
    if (!frame) return readout.replaceChildren(rvElement("b", "", "The curve begins with the first step."));
    axes(frame);
    for (const line of [...lines].reverse()) draw(line, frame);
    crosshair(frame);
  }

  function plan() {
    if (!planned) requestAnimationFrame(paint);
    planned = true;
  }

  canvas.addEventListener("pointermove", (event) => {
    cursor = event.clientX - canvas.getBoundingClientRect().left;
    plan();
  });
  canvas.addEventListener("pointerleave", () => {
    cursor = null;
    plan();
  });
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move || !frame) return;
    event.preventDefault();
    const width = frame.box.width;
    cursor = Math.min(width, Math.max(RV_MARGIN.left, (cursor ?? width) + (move * width) / 50));
    readout.setAttribute("aria-live", "polite"); // spoken only to whoever moves the crosshair
    plan();
  });
  canvas.addEventListener("blur", () => {
    cursor = null;
    readout.setAttribute("aria-live", "off");
    plan();
  });
  new ResizeObserver(plan).observe(canvas);
  new MutationObserver(plan).observe(document.body, { attributeFilter: ["class"] });

  return {
    set(next, useLog) {
      lines = next;
      log = useLog;
      const parts = lines.map((l) => `${l.name} ${rvNumber(l.points[l.points.length - 1][1])}`);
      canvas.setAttribute("aria-label", `Curves over steps; now ${parts.join(", ") || "empty"}`);
      plan();
    },
  };
}
