// What the canvas and the page around it tell the widget, and what it reads out.

function listenToCanvas(host) {
  const { canvas } = host;
  const spot = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const found = (event) => host.frame?.Q && host.frame.K && host.view().at(...spot(event));
  let drag = null;
  canvas.addEventListener("pointermove", (event) => {
    if (drag) return dragged(host, drag, event);
    if (host.state.view === "grid") return overHead(host, host.views.grid.headAt(...spot(event)));
    const at = found(event);
    if (at) host.hover(host.frame.qi[at.r], host.frame.ki[at.c]);
    else host.leave();
  });
  canvas.addEventListener("pointerleave", () => host.leave());
  canvas.addEventListener("pointerdown", (event) => {
    canvas.focus({ preventScroll: true });
    if (host.state.view === "matrix" && host.views.matrix.zoom > 1) drag = { x: event.clientX, y: event.clientY, moved: false };
  });
  canvas.addEventListener("pointerup", () => setTimeout(() => (drag = null)));
  canvas.addEventListener("click", (event) => {
    if (drag?.moved) return;
    if (host.state.view === "grid") return clickHead(host, host.views.grid.headAt(...spot(event)));
    const at = found(event);
    if (at) host.lock(host.frame.qi[at.r], at.label === "query" ? -1 : host.frame.ki[at.c]);
    else host.unlock();
  });
  canvas.addEventListener("dblclick", (event) => {
    const at = found(event);
    if (at) host.act.toggleHidden(at.label === "query" ? [host.frame.qi[at.r], -1] : [-1, host.frame.ki[at.c]]);
  });
  canvas.addEventListener("keydown", (event) => canvasKey(host, event));
}

function dragged(host, drag, event) {
  const { matrix } = host.views;
  const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
  if (Math.abs(dx) < matrix.cell && Math.abs(dy) < matrix.cell) return;
  drag.moved = true;
  matrix.drag(dx, dy);
  [drag.x, drag.y] = [event.clientX, event.clientY];
  host.redraw();
}

function overHead(host, head) {
  const { grid } = host.views;
  if (grid.cursor?.l === head?.l && grid.cursor?.h === head?.h) return;
  grid.cursor = head;
  host.redraw();
  if (head) host.root.querySelector(".av-readout").textContent = `layer ${head.l + 1}, head ${head.h + 1}${host.silent(head.l, head.h) ? " (silenced)" : ""}`;
}

function clickHead(host, head) {
  if (!head) return;
  if (host.state.click === "silence") host.act.toggleHead(head.l, head.h);
  else host.set({ layer: head.l, head: head.h, view: "matrix", kind: "raw" });
}

const MOVES = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

function canvasKey(host, event) {
  if (!host.frame || event.altKey || event.ctrlKey || event.metaKey) return;
  const turn = { PageUp: -1, PageDown: 1 }[event.key];
  const move = MOVES[event.key];
  if (event.key === "Escape") return host.unlock();
  if (turn) host.set({ layer: clamp(host.state.layer + turn, 0, host.map.layers - 1) });
  else if (host.state.view === "grid") {
    if (!gridKey(host, event.key, move)) return;
  } else if (move) step(host, move);
  else if (event.key === "Enter" || event.key === " ") {
    const focus = host.focus();
    if (focus) host.lock(host.frame.qi[focus.r], host.frame.ki[focus.c]);
  } else return;
  event.preventDefault();
}

// One cell further; a lock moves with it.
function step(host, [dr, dc]) {
  const { frame } = host;
  const from = host.focus() || { r: frame.Q - 1, c: 0 };
  const to = { r: clamp(from.r + dr, 0, frame.Q - 1), c: clamp(from.c + dc, 0, frame.K - 1) };
  const token = { q: frame.qi[to.r], k: frame.ki[to.c] };
  if (host.state.view === "matrix") host.views.matrix.reveal(to);
  if (host.locked()) {
    host.state.lock = token;
    host.lockChanged();
  } else host.hover(token.q, token.k);
}

function gridKey(host, key, move) {
  const { grid } = host.views;
  const at = grid.cursor || { l: host.state.layer, h: host.state.head < 0 ? 0 : host.state.head };
  if (key === "Enter" || key === " ") clickHead(host, at);
  else if (move) overHead(host, { l: clamp(at.l + move[0], 0, host.map.layers - 1), h: clamp(at.h + move[1], 0, host.map.heads - 1) });
  else return false;
  return true;
}

function watchAround(host) {
  new ResizeObserver(() => host.redraw()).observe(host.canvas.parentElement);
  const themes = new MutationObserver(() => {
    if (!host.root.isConnected) return themes.disconnect();
    host.readInk();
    host.reframe();
  });
  themes.observe(document.body, { attributes: true, attributeFilter: ["class"] });
}

// ---- what is read out -------------------------------------------------------------------------

const LISTED = 6;
const SPOKEN = 20;

function readOut(host) {
  const line = host.root.querySelector(".av-readout");
  const list = host.root.querySelector(".av-best");
  const focus = host.focus();
  if (host.state.view === "grid") list.replaceChildren();
  if (host.state.view === "grid") return;
  if (!focus) {
    line.textContent = host.frame.Q ? `${host.caption()}. Rows are tokens that look, columns what they look at.` : "Nothing to look at yet.";
    list.replaceChildren();
    return table(host, null);
  }
  write(host, focus, host.frame.values.subarray(focus.r * host.frame.K, (focus.r + 1) * host.frame.K));
  exact(host, focus);
}

function write(host, focus, row) {
  const { frame, map } = host;
  const order = Array.from(row.keys()).sort((a, b) => Math.abs(row[b]) - Math.abs(row[a]));
  const line = host.root.querySelector(".av-readout");
  const bold = (text) => Object.assign(document.createElement("b"), { textContent: text });
  const rank = order.indexOf(focus.c) + 1;
  line.replaceChildren(
    bold(shown(map.queries.tokens[frame.qi[focus.r]])), " looks at ", bold(shown(map.keys.tokens[frame.ki[focus.c]])),
    ` with ${percent(row[focus.c], frame.signed)}, rank ${rank} of ${frame.K}${host.locked() ? " · locked, Esc to free" : ""}`,
  );
  const top = Math.max(1e-9, Math.abs(row[order[0]]));
  host.root.querySelector(".av-best").replaceChildren(...order.slice(0, LISTED).map((c) => {
    const item = document.createElement("li");
    item.style.setProperty("--share", Math.abs(row[c]) / top);
    item.append(shown(map.keys.tokens[frame.ki[c]]), Object.assign(document.createElement("span"), { textContent: percent(row[c], frame.signed) }));
    return item;
  }));
  if (host.locked()) table(host, order.slice(0, SPOKEN).map((c) => [shown(map.keys.tokens[frame.ki[c]]), percent(row[c], frame.signed)]));
}

// The quantised row gives way to the exact one, where no filter has changed it.
function exact(host, focus) {
  clearTimeout(host.asking);
  const { state, frame, map } = host;
  if (host.derived() || state.cut < 1 || state.specials === "renorm" || state.head < MAX) return;
  const query = frame.qi[focus.r];
  const mine = (host.exactly = `${host.run}/${state.versus}/${state.map}/${state.layer}/${state.head}/${query}/${focus.c}`);
  const head = map.heads > 1 ? state.head : 0;
  host.asking = setTimeout(async () => {
    const rows = await host.source.row(state.map, state.layer, head, query).catch(() => null);
    if (!rows || host.exactly !== mine || host.frame !== frame) return;
    const weights = rows[rows.length - 1];
    write(host, focus, Float32Array.from(frame.ki, (k) => weights[k]));
    host.element.dataset.exact = mine;
  }, 60);
}

function table(host, rows) {
  const place = host.root.querySelector(".av-table");
  const focus = host.focus();
  place.querySelector("caption").textContent = rows ? `${host.caption()}: what ${shown(host.map.queries.tokens[host.frame.qi[focus.r]])} looks at` : "No row is locked.";
  place.querySelector("tbody").replaceChildren(...(rows || []).map(([token, weight]) => {
    const line = document.createElement("tr");
    line.append(Object.assign(document.createElement("th"), { scope: "row", textContent: token }), Object.assign(document.createElement("td"), { textContent: weight }));
    return line;
  }));
}

// Shares of weight by distance: 0, 1, 2–3, 4–7, … as small bars.
function histogram(shares, unit) {
  const box = document.createElement("span");
  box.className = "av-histogram";
  const names = shares.map((_, i) => (i < 2 ? String(i) : i === shares.length - 1 ? `${2 ** (i - 1)}+` : `${2 ** (i - 1)}–${2 ** i - 1}`));
  box.title = shares.map((s, i) => `${names[i]} ${unit} away: ${percent(s)}`).join("\n");
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", box.title);
  box.append(...shares.map((s) => {
    const bar = document.createElement("i");
    bar.style.setProperty("--share", s);
    return bar;
  }));
  return box;
}

function openAttentionView(element, props, trigger, watch) {
  const view = new AttentionView(element, props, trigger);
  element.attentionView = view;
  const take = () => {
    try {
      view.take(props.value);
    } catch (error) {
      view.fail(error);
      throw error;
    }
  };
  watch("value", take);
  take();
}
