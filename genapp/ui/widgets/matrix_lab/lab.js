// The frame: a rail of lessons, one state of plain values per lesson, undo, link and export.

class Lab {
  constructor(root, lessons, server, examples) {
    Object.assign(this, { root, lessons, server, examples });
    this.root.className = "ml";
    this.history = {};
    this.states = {};
    this.frame();
    const asked = window.genapp.url?.get("mechanics.lesson");
    const first = lessons.find((l) => l.id === asked) || lessons[0];
    const linked = asked ? this.read(first) : {};
    this.states[first.id] = { ...first.defaults, ...linked };
    this.open(first.id, false);
  }

  frame() {
    const rail = el("nav", "ml-rail", undefined, { "aria-label": "Lessons" });
    const menu = el("select", "ml-menu", undefined, { "aria-label": "Lesson" });
    for (const lesson of this.lessons) {
      const button = el("button", "", lesson.title, { type: "button", "data-lesson": lesson.id });
      button.addEventListener("click", () => this.open(lesson.id));
      rail.append(button);
      menu.append(el("option", "", lesson.title, { value: lesson.id }));
    }
    menu.addEventListener("change", () => this.open(menu.value));
    this.main = el("div", "ml-main");
    Object.assign(this, { rail, menu });
    this.root.replaceChildren(rail, menu, this.main);
    this.root.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
        event.preventDefault();
        this.step(event.shiftKey ? 1 : -1);
      }
    });
  }

  get state() { return this.states[this.lesson.id]; }

  open(id, remember = true) {
    this.lesson?.close?.();
    this.lesson = this.lessons.find((l) => l.id === id);
    this.states[id] ||= { ...this.lesson.defaults };
    this.history[id] ||= { past: [JSON.stringify(this.state)], at: 0 };
    for (const button of this.rail.children) {
      if (button.dataset.lesson === id) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    this.menu.value = id;
    const { title, line, task } = this.lesson;
    const head = el("header");
    head.append(el("h3", "", title), this.tools());
    this.controls = el("div", "ml-controls");
    const panel = el("div", "ml-panel");
    this.main.replaceChildren(head, el("p", "ml-what", line), ...(task ? [this.task(task)] : []), this.controls, panel, this.notes());
    this.knobs = this.lesson.controls.map((about) => this.knob(about));
    this.controls.append(...this.knobs.map((k) => k.node));
    this.update = this.lesson.build(panel, this);
    this.draw();
    if (remember) this.write();
    this.root.dataset.open = id;
  }

  task(words) {
    const p = el("p", "ml-task");
    p.append(el("b", "", "Try"), ` ${words}`);
    return p;
  }

  notes() {
    const { formula, notes = [] } = this.lesson;
    const box = el("footer", "ml-notes");
    if (formula) box.append(el("p", "ml-rule-of", formula));
    for (const note of notes) {
      const p = el("p");
      p.append(el("b", "", "Source, corrected"), ` ${note}`);
      box.append(p);
    }
    return box;
  }

  tools() {
    const bar = el("div", "ml-tools", undefined, { role: "group", "aria-label": "This lesson" });
    const add = (name, text, title, action) => {
      const button = el("button", "", text, { type: "button", title, "data-tool": name, "aria-label": title });
      button.addEventListener("click", action);
      bar.append(button);
      return button;
    };
    this.undo = add("undo", "↶", "Undo", () => this.step(-1));
    this.redo = add("redo", "↷", "Redo", () => this.step(1));
    add("reset", "Reset", "Back to the first numbers", () => this.set({ ...this.lesson.defaults }));
    const link = add("link", "Link", "Copy a link to what you see", async () => {
      await navigator.clipboard?.writeText(location.href).catch(() => {});
      link.textContent = "Copied";
      setTimeout(() => { link.textContent = "Link"; }, 1500);
    });
    add("csv", "CSV", "Download the numbers as CSV", () => this.save("csv"));
    add("json", "JSON", "Download the numbers and settings as JSON", () => this.save("json"));
    return bar;
  }

  // ---- state -----------------------------------------------------------------------------------

  set(patch, done = true) {
    Object.assign(this.state, patch);
    this.draw();
    if (done) this.commit();
  }

  edit(name, i, j, value, done) { this.set({ edits: { ...this.state.edits, [`${name}.${i}.${j}`]: value } }, done); }

  // `base` with what was typed over it
  edited(name, base) {
    const edits = this.state.edits || {};
    if (!Object.keys(edits).some((key) => key.startsWith(`${name}.`))) return base;
    return MX.map(base, (v, i, j) => edits[`${name}.${i}.${j}`] ?? v);
  }

  commit() {
    const h = this.history[this.lesson.id];
    const now = JSON.stringify(this.state);
    if (h.past[h.at] !== now) {
      h.past = [...h.past.slice(0, h.at + 1), now].slice(-100);
      h.at = h.past.length - 1;
    }
    this.write();
    this.tellTools();
  }

  step(by) {
    const h = this.history[this.lesson.id];
    if (h.past[h.at + by] === undefined) return;
    h.at += by;
    this.states[this.lesson.id] = JSON.parse(h.past[h.at]);
    this.draw();
    this.write();
  }

  draw() {
    for (const knob of this.knobs) knob.set(this.state);
    this.update(this.state);
    this.tellTools();
    this.root.dataset.drawn = String(Number(this.root.dataset.drawn || 0) + 1);
  }

  tellTools() {
    const h = this.history[this.lesson.id];
    this.undo.disabled = h.at === 0;
    this.redo.disabled = h.at === h.past.length - 1;
  }

  // ---- the link -------------------------------------------------------------------------------------

  write() {
    const changed = Object.fromEntries(Object.entries(this.state).filter(([k, v]) => JSON.stringify(v) !== JSON.stringify(this.lesson.defaults[k])));
    window.genapp.url?.set("mechanics.lesson", this.lesson.id, this.lessons[0].id);
    window.genapp.url?.set("mechanics.s", Object.keys(changed).length ? JSON.stringify(changed) : null);
    if (Object.keys(changed).length) window.genapp.url?.set("mechanics.lesson", this.lesson.id);
  }

  // A link is a stranger's: only known names, of the right kind, inside their limits.
  read(lesson) {
    let sent;
    try { sent = JSON.parse(window.genapp.url.get("mechanics.s") || "{}"); } catch { return {}; }
    const found = {};
    for (const [name, value] of Object.entries(sent || {})) {
      const knob = lesson.controls.find((c) => c.name === name);
      const start = lesson.defaults[name];
      if (start === undefined || typeof value !== typeof start) continue;
      if (name === "edits") {
        found.edits = Object.fromEntries(Object.entries(value).filter(([k, v]) => /^\w+\.\d{1,2}\.\d{1,2}$/.test(k) && Number.isFinite(v) && Math.abs(v) <= 1000).slice(0, 1000));
      } else if (typeof value === "string") {
        if (knob?.choices ? knob.choices.some(([key]) => key === value) : value.length <= 200) found[name] = value;
      } else if (typeof value === "number") {
        if (Number.isFinite(value) && (!knob?.values || knob.values.includes(value)) && !(value < (knob?.low ?? 0)) && !(value > (knob?.high ?? 10000))) found[name] = value;
      } else if (typeof value === "boolean") found[name] = value;
      else if (Array.isArray(start) && Array.isArray(value) && value.length === start.length && value.every((v, i) => typeof v === typeof start[i] && (typeof v !== "number" || Number.isFinite(v)))) found[name] = value;
    }
    return found;
  }

  save(kind) {
    const data = this.lesson.data ? this.lesson.data(this.state, this) : {};
    const text = kind === "json"
      ? JSON.stringify({ lesson: this.lesson.id, settings: this.state, data }, (_, v) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v), 1)
      : Object.entries(data).map(([name, A]) => `${name}\n${A.map((row) => row.join(",")).join("\n")}\n`).join("\n");
    const link = el("a", "", "", { download: `mechanics-${this.lesson.id}.${kind}` });
    link.href = URL.createObjectURL(new Blob([text], { type: kind === "json" ? "application/json" : "text/csv" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // ---- controls -----------------------------------------------------------------------------------

  knob(about) {
    const made = KNOBS[about.kind](about, (value, done = true) => {
      this.set(about.apply ? about.apply(value, this.state) : { [about.name]: value }, done);
    }, this);
    return {
      node: made.node,
      set: (state) => {
        made.node.hidden = Boolean(about.show && !about.show(state));
        made.set?.(state[about.name], state);
      },
    };
  }
}

const KNOBS = {
  range(about, change) {
    const node = el("label", "ml-knob");
    const input = el("input", "", undefined, { type: "range", name: about.name });
    const output = el("output");
    const { values } = about;
    input.min = values ? 0 : about.low;
    input.max = values ? values.length - 1 : about.high;
    input.step = values ? 1 : about.step || 1;
    const value = () => (values ? values[input.value] : Number(input.value));
    input.addEventListener("input", () => change(value(), false));
    input.addEventListener("change", () => change(value()));
    node.append(el("span", "", about.label), input, output);
    return { node, set: (v) => {
      input.value = values ? values.indexOf(v) : v;
      output.textContent = about.shown ? about.shown(v) : String(v);
      input.setAttribute("aria-valuetext", output.textContent);
    } };
  },
  check(about, change) {
    const node = el("label", "ml-check");
    const input = el("input", "", undefined, { type: "checkbox", name: about.name });
    input.addEventListener("change", () => change(input.checked));
    node.append(input, el("span", "", about.label));
    return { node, set: (v) => { input.checked = v; } };
  },
  radio(about, change) {
    const node = el("div", "ml-radio", undefined, { role: "group", "aria-label": about.label });
    node.append(el("span", "", about.label));
    const buttons = about.choices.map(([key, text]) => {
      const button = el("button", "", text, { type: "button", "data-choice": key });
      button.addEventListener("click", () => change(key));
      node.append(button);
      return [key, button];
    });
    return { node, set: (v) => { for (const [key, button] of buttons) button.setAttribute("aria-pressed", String(key === v)); } };
  },
  select(about, change) {
    const node = el("label", "ml-select");
    const input = el("select", "", undefined, { name: about.name });
    input.append(...about.choices.map(([key, text]) => el("option", "", text, { value: key })));
    input.addEventListener("change", () => change(input.value));
    node.append(el("span", "", about.label), input);
    return { node, set: (v) => { input.value = v; } };
  },
  text(about, change) {
    const node = el("label", "ml-text");
    const input = el("input", "", undefined, { type: "text", name: about.name, maxlength: about.most || 80 });
    input.addEventListener("change", () => change(input.value.trim().slice(0, about.most || 80)));
    node.append(el("span", "", about.label), input);
    return { node, set: (v) => { if (document.activeElement !== input) input.value = v; } };
  },
  button(about, change, lab) {
    const node = el("button", "ml-button", about.label, { type: "button", "data-action": about.action });
    node.addEventListener("click", () => about.press(lab));
    return { node };
  },
};
