// Elements. What comes from the report is only ever text of a node or value of an attribute that holds no code.
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children) {
    if (child === null || child === undefined || child === "") continue;
    node.append(typeof child === "object" ? child : document.createTextNode(String(child)));
  }
  return node;
}

const make = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
const byId = (id) => document.getElementById(id);
const value = (words, attributes) => make("span", { class: "value", ...attributes }, words);
const cut = (words, room) => (words.length <= room ? words : `${words.slice(0, room - 1)}…`);

function table(caption, heads, rows) {
  const cells = (row, tag) =>
    row.map((cell, index) =>
      make(tag, { class: heads[index][1] ? "number" : null, scope: tag === "th" ? "col" : null }, cell));
  return make("table", {},
    make("caption", { class: "dim" }, caption),
    make("thead", {}, make("tr", {}, ...cells(heads.map((head) => head[0]), "th"))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...cells(row, "td")))));
}

// A part that is made when somebody opens it.
function later(title, attributes, content) {
  const details = make("details", attributes, make("summary", {}, title));
  details.addEventListener("toggle", () => {
    if (details.open && !details.dataset.made) {
      details.dataset.made = "yes";
      details.append(content());
    }
  });
  return details;
}
