// A matrix a person can read and change: numbers on colour, names on both sides, shape above.

function el(tag, className, text, attributes = {}) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function fmt(v, digits = 2) {
  if (Number.isNaN(v)) return "–";
  if (v === -Infinity) return "−∞";
  if (v !== 0 && Math.abs(v) >= 10000) return v.toExponential(1).replace("-", "−");
  const text = v.toFixed(Math.abs(v) >= 100 ? Math.min(digits, 1) : digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

// As typed into an editable cell: no more digits than there are.
const plain = (v) => String(Number(v.toFixed(3))).replace("-", "−");
const parse = (text) => Number(text.trim().replace("−", "-").replace(",", "."));
const count = (n) => Math.round(n).toLocaleString("en");

class Grid {
  // about: {name, title, words?, tint: "signed" | "weight", edit?(i, j, value, done), press?(i, j),
  //         hover?(i, j) → {marks, text}, digits?, top?}
  constructor(about) {
    this.about = about;
    this.root = el("figure", "ml-grid", undefined, { "data-grid": about.name });
    this.caption = el("figcaption");
    this.scroll = el("div", "ml-scroll");
    this.table = el("table");
    this.scroll.append(this.table);
    this.root.append(this.caption, this.scroll);
    this.shape = "";
    this.listen();
  }

  set(A, rows = null, columns = null, about = {}) {
    Object.assign(this.about, about);
    const shape = `${A.length}×${A[0].length}|${rows}|${columns}|${Boolean(this.about.edit)}`;
    if (shape !== this.shape) this.lay(A, rows, columns);
    this.shape = shape;
    const title = `${this.about.title}  ${A.length}×${A[0].length}`;
    if (this.titled !== title) this.entitle(A);
    this.titled = title;
    const signed = this.about.tint !== "weight";
    const finite = A.flat().filter(Number.isFinite).map(Math.abs);
    const top = this.about.top || (signed ? Math.max(1e-9, ...finite) : 1);
    A.forEach((row, i) => row.forEach((v, j) => this.put(i, j, v, signed, top)));
    this.A = A;
  }

  entitle(A) {
    this.caption.replaceChildren(el("b", "", this.about.title), el("span", "ml-shape", `${A.length} × ${A[0].length}`));
    if (this.about.note) this.caption.append(el("span", "ml-by", this.about.note));
  }

  lay(A, rows, columns) {
    this.rows = rows;
    this.columns = columns;
    this.root.classList.toggle("ml-small", A[0].length > 8 || A.length > 10);
    this.root.classList.toggle("ml-edits", Boolean(this.about.edit));
    this.table.replaceChildren();
    this.table.setAttribute("aria-label", `${this.about.title}, ${A.length} rows, ${A[0].length} columns`);
    if (columns) {
      const head = el("tr");
      if (rows) head.append(el("td", "ml-corner"));
      head.append(...columns.map((word) => el("th", "", word, { scope: "col" })));
      this.table.append(head);
    }
    this.cells = A.map((row, i) => {
      const line = el("tr");
      if (rows) line.append(el("th", "", rows[i], { scope: "row" }));
      const cells = row.map((_, j) => this.cell(i, j));
      line.append(...cells.map((c) => c.td));
      this.table.append(line);
      return cells;
    });
  }

  cell(i, j) {
    const td = el("td");
    td.dataset.at = `${i},${j}`;
    if (!this.about.edit) {
      td.tabIndex = i + j ? -1 : 0;
      return { td };
    }
    const input = el("input", "", undefined, { type: "text", inputmode: "decimal", autocomplete: "off" });
    input.setAttribute("aria-label", `${this.about.title}, ${this.rows ? this.rows[i] : `row ${i + 1}`}, ${this.columns ? this.columns[j] : `column ${j + 1}`}`);
    td.append(input);
    return { td, input };
  }

  put(i, j, v, signed, top) {
    const cell = this.cells[i][j];
    if (cell.v === v || (Number.isNaN(cell.v) && Number.isNaN(v))) {
      if (cell.top === top) return;
    }
    cell.v = v;
    cell.top = top;
    if (cell.input) {
      if (document.activeElement !== cell.input || cell.written) cell.input.value = plain(v);
    } else cell.td.textContent = fmt(v, this.about.digits ?? 2);
    const share = Number.isFinite(v) ? Math.min(1, Math.abs(v) / top) : 0;
    cell.td.style.setProperty("--share", `${(68 * share).toFixed(1)}%`);
    cell.td.className = !signed ? "ml-weight" : v < 0 ? "ml-minus" : "ml-plus";
    if (v === -Infinity) cell.td.className = "ml-shut";
  }

  // rows, columns: lists of indices; cells: "i,j" strings
  mark({ rows = [], columns = [], cells = [] } = {}) {
    this.cells.forEach((line, i) => line.forEach(({ td }, j) => {
      td.classList.toggle("ml-hl", rows.includes(i) || columns.includes(j) || cells.includes(`${i},${j}`));
    }));
  }

  at(event) {
    const td = event.target.closest("td[data-at]");
    return td ? td.dataset.at.split(",").map(Number) : null;
  }

  go(i, j) {
    const cell = this.cells[i]?.[j];
    if (cell) (cell.input || cell.td).focus();
    return Boolean(cell);
  }

  listen() {
    const { table, about } = this;
    const hover = (event) => { const at = this.at(event); if (at && this.about.hover) this.about.hover(...at); };
    table.addEventListener("pointerover", hover);
    table.addEventListener("focusin", (event) => {
      hover(event);
      if (event.target.tagName === "INPUT") event.target.select();
    });
    table.addEventListener("pointerleave", () => this.about.leave?.());
    table.addEventListener("click", (event) => { const at = this.at(event); if (at) about.press?.(...at); });
    table.addEventListener("keydown", (event) => this.key(event));
    table.addEventListener("change", (event) => this.commit(event.target));
    table.addEventListener("pointerdown", (event) => this.drag(event));
  }

  commit(input) {
    const at = this.at({ target: input });
    const value = parse(input.value);
    const [i, j] = at;
    if (input.value.trim() === "" || !Number.isFinite(value) || Math.abs(value) > 1000) {
      input.value = plain(this.A[i][j]); // not a number a cell can hold
      return;
    }
    if (value !== this.A[i][j]) this.about.edit(i, j, value, true);
  }

  key(event) {
    const at = this.at(event);
    if (!at) return;
    const [i, j] = at;
    const input = event.target.tagName === "INPUT" ? event.target : null;
    const whole = !input || (input.selectionStart === 0 && input.selectionEnd === input.value.length);
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], Enter: [event.shiftKey ? -1 : 1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (input && event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      this.nudge(input, i, j, event.key === "ArrowUp" ? 0.1 : -0.1, true);
    } else if (!input && (event.key === " " || (event.key === "Enter" && this.about.press))) {
      event.preventDefault();
      this.about.press?.(i, j);
    } else if (input && event.key === "Escape") {
      input.value = plain(this.A[i][j]);
      input.select();
    } else if (move && (move[0] || whole)) {
      event.preventDefault();
      if (input) this.commit(input);
      this.go(i + move[0], j + move[1]);
    }
  }

  nudge(input, i, j, by, done) {
    const value = Number((this.A[i][j] + by).toFixed(3));
    input.value = plain(value);
    this.about.edit(i, j, value, done);
  }

  // Pull a number sideways: 0.1 for every four pixels.
  drag(event) {
    const at = this.at(event);
    const input = event.target.tagName === "INPUT" ? event.target : null;
    if (!at || !input || event.button) return;
    const [i, j] = at;
    const from = this.A[i][j];
    let moved = false;
    const move = (e) => {
      const dx = e.clientX - event.clientX;
      if (!moved && Math.abs(dx) < 6) return;
      moved = true;
      e.preventDefault();
      const value = Number((from + 0.1 * Math.round(dx / 4)).toFixed(3));
      input.value = plain(value);
      this.about.edit(i, j, value, false);
    };
    const up = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.removeEventListener("pointercancel", up);
      if (moved) this.about.edit(i, j, parse(input.value), true);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    window.addEventListener("pointercancel", up);
  }
}
