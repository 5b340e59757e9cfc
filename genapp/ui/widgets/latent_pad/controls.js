// What surrounds the maps: sliders, legend, speed read-out, link, PNG and snippet. Each function
// takes the widget, builds or updates its part, and reports through the widget's methods.

const SHOWN = 12; // sliders before "show all"

function buildSliders(widget) {
  const holder = widget.find(".lp-sliders");
  holder.replaceChildren();
  const { d } = widget.pads[0].space;
  widget.sliders = Array.from({ length: d }, (_, k) => {
    const row = document.createElement("label");
    row.className = "lp-slider";
    row.hidden = k >= SHOWN;
    row.innerHTML =
      `<span>z<sub>${k + 1}</sub></span><input type="range" min="-0.1" max="1.1" step="any"` +
      ` aria-label="dimension ${k + 1}"><b></b>`;
    const input = row.querySelector("input");
    input.addEventListener("pointerdown", () => widget.grab());
    input.addEventListener("input", (event) => widget.slide(k, Number(input.value), event));
    input.addEventListener("keydown", (event) => slideKey(widget, k, event));
    holder.append(row);
    return { row, input, value: row.querySelector("b") };
  });
  if (d > SHOWN) holder.append(showAll(widget, d));
}

function showAll(widget, d) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `Show all ${d}`;
  button.addEventListener("click", () => {
    for (const { row } of widget.sliders) row.hidden = false;
    button.remove();
  });
  return button;
}

function slideKey(widget, k, event) {
  const sign = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
  if (!sign) return;
  event.preventDefault();
  widget.nudgeDimension(widget.pads[0], k, sign, event.shiftKey, event);
}

function updateSliders(widget) {
  const codes = widget.pads.map((pad) => pad.space.z(widget.u));
  widget.sliders.forEach(({ input, value }, k) => {
    input.value = widget.u[k];
    const numbers = codes.map((z) => z[k].toFixed(2));
    value.textContent = codes.map((z) => rounded(z[k])).join(" | ");
    const named = numbers.map((text, p) => (p ? `${widget.pads[p].title} ${text}` : text));
    input.setAttribute("aria-valuetext", `dimension ${k + 1}, ${named.join(", ")}`);
  });
}

function buildLegend(widget) {
  const holder = widget.find(".lp-legend");
  const { classes, labels } = widget.pads[0].space;
  holder.hidden = !labels.some((label) => label < classes.length);
  holder.replaceChildren(
    ...classes.map((name, label) => {
      const button = document.createElement("button");
      button.type = "button";
      button.innerHTML = `<i style="background:${COLOURS[label % COLOURS.length]}"></i>`;
      button.append(name);
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => {
        widget.alone = widget.alone === label ? -1 : label;
        [...holder.children].forEach((each, k) =>
          each.setAttribute("aria-pressed", String(k === widget.alone)),
        );
        widget.redraw();
      });
      return button;
    }),
  );
}

// The two dimensions that span the map; only asked for codes of more than two.
function buildPlane(widget) {
  const { d } = widget.pads[0].space;
  widget.find(".lp-plane").hidden = d < 3;
  for (const [name, axis] of [[".lp-across", "i"], [".lp-up", "j"]]) {
    const select = widget.find(name);
    select.replaceChildren(...Array.from({ length: d }, (_, k) => new Option(`z ${k + 1}`, k)));
    select.value = widget[axis];
    select.onchange = () => widget.plane(axis, Number(select.value));
  }
}

function milliseconds(ms) {
  return ms.toFixed(ms < 1 ? 2 : ms < 10 ? 1 : 0);
}

class Speed {
  constructor(widget) {
    this.widget = widget;
    this.paints = [];
    this.shown = 0;
  }

  // One painted picture; `stream` has its times unless the picture came from the tour's film.
  tick(stats) {
    const now = performance.now();
    if (this.paints.length && now - this.paints[this.paints.length - 1] > 400) this.paints = [];
    this.paints.push(now);
    while (now - this.paints[0] > 1000) this.paints.shift();
    if (now - this.shown < 200) return;
    this.shown = now;
    const span = now - this.paints[0];
    if (this.paints.length > 2) {
      const fps = (1000 * (this.paints.length - 1)) / span;
      this.widget.find(".lp-fps").textContent = fps.toFixed(0);
    }
    if (!stats) return;
    this.widget.find(".lp-ms").textContent = milliseconds(stats.ms);
    this.widget.find(".lp-rtt").textContent = milliseconds(stats.rtt);
  }
}

// ---------------------------------------------------------------- taking it away

function readLink(prefix) {
  const query = new URLSearchParams(location.search);
  const text = query.get(`${prefix}z`);
  const z = (text || "").split(",").map(Number);
  return { z: text && z.every(Number.isFinite) ? z : null, ground: query.get(`${prefix}bg`) };
}

function writeLink(widget) {
  const address = new URL(location.href);
  const { space } = widget.pads[0];
  if (space.d <= 16) {
    address.searchParams.set(`${widget.prefix}z`, space.z(widget.u).map((v) => Number(v.toFixed(3))).join(","));
  }
  address.searchParams.set(`${widget.prefix}bg`, widget.ground);
  address.search = address.search.replaceAll("%2C", ",");
  history.replaceState(history.state, "", address);
  return address.href;
}

function python(widget) {
  const lines = widget.pads.map((pad) => {
    const z = pad.space.z(widget.u).map((v) => Number(v.toFixed(3))).join(", ");
    const name = JSON.stringify(pad.checkpoint);
    return `service.live(${JSON.stringify(pad.family)}, ${name}, "decode", np.float32([[${z}]]))[0]`;
  });
  return ["import numpy as np", "from genapp import service", "", ...lines].join("\n");
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (e) {
    return false; // an insecure page or a refusal: the text is shown instead
  }
}

async function savePng(widget) {
  const pad = widget.active;
  const z = pad.space.z(widget.u).map((v) => v.toFixed(2));
  const blob = await pad.picture.png(widget.paper, widget.smooth);
  const about = `${pad.family}/${pad.checkpoint}, z = [${z.join(", ")}]`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await withText(blob, "Description", about));
  link.download = `${pad.checkpoint}_${z.slice(0, 4).join("_")}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// A PNG with a tEXt chunk before its end, so that the file tells how it was made.
async function withText(blob, key, text) {
  const png = new Uint8Array(await blob.arrayBuffer());
  const latin = Uint8Array.from(`tEXt${key}\0${text}`, (c) => c.charCodeAt(0) & 255);
  const chunk = new Uint8Array(latin.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, latin.length - 4);
  chunk.set(latin, 4);
  view.setUint32(latin.length + 4, crc32(latin));
  const end = png.length - 12; // IEND
  return new Blob([png.subarray(0, end), chunk, png.subarray(end)], { type: "image/png" });
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}
