// The list of runs: one row each, updated in place so that focus and hover survive a poll.

const RV_WORDS = {
  running: "running", paused: "paused", stopping: "stopping", stopped: "stopped",
  interrupted: "interrupted", finished: "finished", failed: "failed",
};

function rvElement(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Writes only what changed: a poll that brings nothing new touches nothing.
function rvText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function rvNumber(value) {
  if (value === null || value === undefined) return "";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

function rvCount(value) {
  return value.toLocaleString("en-US");
}

function rvTime(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function rvLabel(name) {
  return name.replace(/^val_/, "held-out ").replaceAll("_", " ");
}

function rvState(run) {
  if (run.state !== "queued") return RV_WORDS[run.state] || run.state;
  return run.place === 1 ? "next in line" : `waiting, place ${run.place}`;
}

// choose(id) and compare(id) are called on clicks.
function rvList(list, choose, compare) {
  const rows = new Map();

  function row(id) {
    const item = rvElement("li");
    const main = rvElement("button", "rv-row");
    main.type = "button";
    const parts = {};
    for (const part of ["dot", "title", "state", "steps", "best"]) {
      main.append((parts[part] = rvElement("span", `rv-${part}`)));
    }
    parts.dot.setAttribute("aria-hidden", "true");
    main.addEventListener("click", () => choose(id));
    const overlay = rvElement("button", "rv-over", "compare");
    overlay.type = "button";
    overlay.addEventListener("click", () => compare(id));
    item.append(main, overlay);
    return { item, main, parts, overlay };
  }

  function paint({ item, main, parts, overlay }, run, chosen, other) {
    item.dataset.state = run.state;
    main.setAttribute("aria-current", String(run.id === chosen));
    rvText(parts.title, run.title);
    main.title = run.preset;
    rvText(parts.state, rvState(run));
    rvText(parts.steps, run.steps ? `${rvCount(run.step)} / ${rvCount(run.steps)}` : "");
    rvText(parts.best, run.best === null ? "" : `${run.score.replace("val_", "")} ${rvNumber(run.best)}`);
    overlay.style.visibility = run.id === chosen ? "hidden" : "visible"; // keeps the columns
    overlay.setAttribute("aria-pressed", String(run.id === other));
    overlay.title = `Lay the curves of ${run.title} over the chosen run's`;
  }

  return function update(runs, chosen, other) {
    const present = new Set(runs.map((run) => run.id));
    for (const [id, made] of rows) {
      if (!present.has(id)) {
        made.item.remove();
        rows.delete(id);
      }
    }
    runs.forEach((run, i) => {
      if (!rows.has(run.id)) rows.set(run.id, row(run.id));
      const made = rows.get(run.id);
      if (list.children[i] !== made.item) list.insertBefore(made.item, list.children[i] || null);
      paint(made, run, chosen, other);
    });
  };
}
