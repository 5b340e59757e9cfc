// What every card of the Tokens lab uses. A card's value is {data: JSON}, perhaps {error: words}.
const make = (tag, className, text, about = {}) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  for (const [name, x] of Object.entries(about)) node.setAttribute(name, x);
  return node;
};
const svg = (tag, about = {}, text) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, x] of Object.entries(about)) node.setAttribute(name, x);
  if (text !== undefined) node.textContent = text;
  return node;
};
const count = (n) => n.toLocaleString("en");
const key = (name) => `${props.share}.${name}`;
const kept = (name) => window.genapp.url.get(key(name));
const keep = (name, value, unless) => window.genapp.url.set(key(name), value, unless);

// Blanks and control characters as signs one can see.
function visible(text) {
  return [...text].map((c) => {
    const code = c.codePointAt(0);
    if (c === " " || c === "▁") return "·";
    if (code < 32) return String.fromCodePoint(0x2400 + code);
    if (code === 127) return "␡";
    return /[\p{Cf}\p{Zs}\p{Zl}\p{Zp}\p{Cc}]/u.test(c) ? `\\u${code.toString(16).padStart(4, "0")}` : c;
  }).join("");
}

// One token: colours go round so that neighbours differ.
function piece(text, i, unknown = false, title = "") {
  const node = make("span", `piece${unknown ? " unknown" : ""}`, visible(text) || "∅");
  node.style.setProperty("--n", `var(--h${i % 5})`);
  if (title) node.title = title;
  return node;
}

function take(name, type, content) {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
const quote = (x) => `"${String(x).replaceAll('"', '""')}"`;

const root = make("section", "tok");
root.setAttribute("aria-label", props.label);
element.replaceChildren(root);
const trouble = make("p", "trouble", "", { role: "status" });

// Draws with `show(data)` whenever a value arrives; an error stands in its place.
function cardOf(body, show) {
  root.append(trouble, body);
  const adopt = () => {
    const sent = (props.value || {}).data;
    if (!sent) return;
    const data = JSON.parse(sent);
    trouble.textContent = data.error || "";
    body.hidden = Boolean(data.error);
    if (data.error) delete root.dataset.ready;
    else {
      show(data);
      root.dataset.ready = "";
    }
  };
  watch("value", adopt);
  adopt();
}
const heading = (title, line) => {
  const head = make("header");
  head.append(make("h3", "", title), make("p", "sub", line));
  return head;
};
const button = (text, title, press) => {
  const node = make("button", "", text, { type: "button", title, "aria-label": title });
  node.addEventListener("click", press);
  return node;
};
