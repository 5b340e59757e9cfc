// data: {rows: [[text, id, [number, …]], …], width, size, different, read, parameters}
const body = make("div");
const table = make("div", "lookup", undefined, { role: "table", "aria-label": "Tokens and their rows" });
const words = make("p");
body.append(table, words);

function show(data) {
  const top = Math.max(...data.rows.flatMap(([, , v]) => v.map(Math.abs)), 1e-9);
  table.replaceChildren(...data.rows.map(([text, id, numbers], i) => {
    const row = make("div", "row", undefined, { role: "row" });
    const strip = make("span", "numbers", undefined, { role: "cell", "aria-label": numbers.map((n) => n.toFixed(2)).join(", ") });
    for (const n of numbers) {
      const cell = make("i", n < 0 ? "minus" : "plus", undefined, { title: n.toFixed(3) });
      cell.style.setProperty("--share", `${Math.round((100 * Math.abs(n)) / top)}%`);
      strip.append(cell);
    }
    const name = make("span", "", undefined, { role: "rowheader" });
    name.append(piece(text, i));
    row.append(name, make("span", "id", `row ${id}`, { role: "cell" }), strip);
    return row;
  }));
  words.textContent = `[1, ${data.tokens}] ids → [1, ${data.tokens}, ${data.width}] vectors out of a table of ${count(data.size)} × ${data.width} = ${count(data.parameters)} weights (first ${data.rows[0][2].length} numbers of a row shown). One-hot rows times the same table give the same vectors; largest difference ${data.different}. A training step on this text would change ${count(data.read)} of the ${count(data.size)} rows${data.tied}.`;
}

cardOf(body, show);
