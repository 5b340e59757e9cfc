// Taking it home: PNG, SVG, CSV and a page that stands alone, each with its settings.

const VECTOR = 128; // tokens a side up to which an SVG has a rectangle per cell

function take(name, type, content) {
  const link = document.createElement("a");
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
}

function pngOf(host) {
  const { canvas } = host;
  const scale = canvas.width / canvas.clientWidth;
  const out = document.createElement("canvas");
  out.width = canvas.width;
  out.height = canvas.height + 30 * scale;
  const ctx = out.getContext("2d");
  ctx.fillStyle = host.paper;
  ctx.fillRect(0, 0, out.width, out.height);
  ctx.drawImage(canvas, 0, 0);
  ctx.scale(scale, scale);
  ctx.font = host.font(400, 12);
  ctx.fillStyle = host.ink(0.7);
  ctx.fillText(fitted(ctx, host.caption(), canvas.clientWidth - 8), 4, canvas.clientHeight + 18);
  return new Promise((done) => out.toBlob(done, "image/png"));
}

async function savePng(host) {
  const blob = await pngOf(host);
  take("attention.png", "image/png", blob);
}

async function svgOf(host) {
  const view = host.view();
  const [w, h] = [host.canvas.clientWidth, host.canvas.clientHeight];
  const small = Math.max(host.frame.Q, host.frame.K) <= VECTOR;
  let body;
  if (view instanceof MatrixView && small) body = svgMatrix(host, view);
  else if (view instanceof LinesView && small) body = svgLines(host, view);
  else body = `<image width="${w}" height="${h}" href="${host.canvas.toDataURL("image/png")}"/>`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h + 28}" width="${w}" height="${h + 28}" font-family="system-ui, sans-serif" font-size="12">` +
    `<title>${escaped(host.caption())}</title><desc>${escaped(JSON.stringify(host.settings()))}</desc>` +
    `<rect width="100%" height="100%" fill="${host.paper}"/>${body}` +
    `<text x="4" y="${h + 18}" fill="${host.ink(0.7)}">${escaped(host.caption())}</text></svg>`
  );
}

function svgMatrix(host, view) {
  const { frame, map, colours } = host;
  const parts = [];
  const { left, head, cell } = view;
  const ink = host.ink(0.9);
  for (let r = 0; r < view.rows; r++) {
    const q = shown(map.queries.tokens[frame.qi[view.q0 + r]]);
    const y = head + r * cell;
    parts.push(`<text x="${left - 6}" y="${y + cell / 2 + 4}" text-anchor="end" fill="${ink}">${escaped(q)}</text>`);
    for (let c = 0; c < view.columns; c++) {
      const value = frame.values[(view.q0 + r) * frame.K + view.k0 + c];
      const k = shown(map.keys.tokens[frame.ki[view.k0 + c]]);
      const tip = `<title>${escaped(`${q} → ${k} ${percent(value, frame.signed)}`)}</title>`;
      const box = `x="${(left + c * cell).toFixed(2)}" y="${y.toFixed(2)}" width="${cell.toFixed(2)}" height="${cell.toFixed(2)}"`;
      parts.push(`<rect ${box} fill="${colours.of(value)}">${tip}</rect>`);
    }
  }
  for (let c = 0; c < view.columns; c++) {
    const at = `translate(${left + (c + 0.5) * cell + 4} ${head - 6}) rotate(-90)`;
    parts.push(`<text transform="${at}" fill="${ink}">${escaped(shown(map.keys.tokens[frame.ki[view.k0 + c]]))}</text>`);
  }
  return parts.join("");
}

function svgLines(host, view) {
  const { frame, map } = host;
  const bend = (view.right - view.left) * 0.4;
  const parts = view.strands().map(([r, c, w]) => {
    const { colour, opacity, width } = view.look(w);
    const path = `M${view.left} ${view.y(r)}C${view.left + bend} ${view.y(r)} ${view.right - bend} ${view.y(c)} ${view.right} ${view.y(c)}`;
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-opacity="${opacity.toFixed(3)}" stroke-width="${width.toFixed(2)}"/>`;
  });
  const word = (side, index, x, y, anchor) =>
    `<text x="${x}" y="${y + 4}" text-anchor="${anchor}" fill="${host.ink(0.9)}">${escaped(shown(side.tokens[index]))}</text>`;
  frame.qi.forEach((i, at) => parts.push(word(map.queries, i, view.left - 8, view.y(at), "end")));
  frame.ki.forEach((i, at) => parts.push(word(map.keys, i, view.right + 8, view.y(at), "start")));
  return parts.join("");
}

function csvOf(host) {
  const { frame, map } = host;
  const quoted = (text) => `"${text.replace(/"/g, '""')}"`;
  const lines = Object.entries(host.settings()).map(([key, value]) => `# ${key}: ${String(value).replace(/\n/g, " ")}`);
  lines.push(["", ...frame.ki.map((k) => quoted(map.keys.tokens[k]))].join(","));
  frame.qi.forEach((q, r) => {
    const row = Array.from(frame.values.subarray(r * frame.K, (r + 1) * frame.K), (v) => v.toPrecision(5));
    lines.push([quoted(map.queries.tokens[q]), ...row].join(","));
  });
  return lines.join("\n") + "\n";
}

async function htmlOf(host) {
  const facts = Object.entries(host.settings())
    .map(([key, value]) => `<dt>${escaped(key)}</dt><dd>${escaped(String(value))}</dd>`)
    .join("");
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(host.caption())}</title>` +
    `<style>body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2em auto;padding:0 1em;background:${host.paper};color:${host.ink(1)}}svg{max-width:100%;height:auto}dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px}dt{opacity:.6}dd{margin:0}</style>` +
    `<h1>${escaped(host.map.title)}</h1>${await svgOf(host)}<h2>Settings</h2><dl>${facts}</dl></html>`
  );
}
