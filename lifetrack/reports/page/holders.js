// What holds the resources, as a picture: paths that begin alike share their beginning. And the same as text.
const MOST_PATHS = 60;
const BOX = { width: 210, height: 40, across: 60, down: 14 };

function grow(findings) {
  const roots = new Map();
  let paths = 0;
  let leftOut = 0;
  for (const finding of findings) {
    for (const [verdict, path] of finding.held || []) {
      if (paths === MOST_PATHS) {
        leftOut += 1;
        continue;
      }
      paths += 1;
      let level = roots;
      let node = null;
      path.forEach((step, depth) => {
        const key = depth === 0 ? `${step} ${verdict}` : step;
        if (!level.has(key)) level.set(key, { words: text(step), verdict: depth === 0 ? text(verdict) : "", next: new Map() });
        node = level.get(key);
        level = node.next;
      });
      level.set(finding, { words: subject(finding), finding, next: new Map() });
    }
  }
  return { roots, leftOut };
}

// Give every node its place: leaves one below the other, all others beside the first that they hold.
function settle(level, depth, size, parent, nodes) {
  for (const node of level.values()) {
    Object.assign(node, { x: depth * (BOX.width + BOX.across) + 4, parent });
    nodes.push(node);
    size.width = Math.max(size.width, node.x + BOX.width + 4);
    const below = [...node.next.values()];
    if (below.length) {
      settle(node.next, depth + 1, size, node, nodes);
      node.y = below[0].y;
    } else {
      node.y = size.height + 4;
      size.height += BOX.height + BOX.down;
    }
  }
}

function boxOf(node) {
  const lines = [[node.words, ""]];
  if (node.verdict) lines.push([node.verdict, "verdict"]);
  if (node.finding) lines.push([ruleWords(node.finding), "dim"]);
  const kind = node.finding ? "resource" : node.verdict ? "root" : "";
  const top = node.y + (lines.length === 1 ? 24 : 17);
  return draw("g", {},
    draw("title", {}, lines.map(([line]) => line).join(": ")),
    draw("rect", { class: `node ${kind}`, x: node.x, y: node.y, width: BOX.width, height: BOX.height, rx: 5 }),
    ...lines.map(([line, style], index) => draw("text", { x: node.x + 8, y: top + 16 * index, class: style || null }, cut(line, 32))));
}

function edgeOf(node) {
  const [x1, y1] = [node.parent.x + BOX.width, node.parent.y + BOX.height / 2];
  const [x2, y2] = [node.x, node.y + BOX.height / 2];
  const middle = (x1 + x2) / 2;
  return draw("g", {},
    draw("path", { class: "edge", d: `M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2},${y2}` }),
    draw("path", { class: "tip", d: `M${x2},${y2} l-7,-4 v8 z` }));
}

function holdersOf(findings) {
  const { roots, leftOut } = grow(findings);
  const nodes = [];
  const size = { width: 0, height: 0 };
  settle(roots, 0, size, null, nodes);
  const label = `Picture: ${counted(nodes.filter((node) => node.verdict).length, "root")} and what they hold. The same stands below as text.`;
  const picture = draw("svg", { role: "img", "aria-label": label, class: "holding", width: size.width, height: size.height + 4 },
    ...nodes.filter((node) => node.parent).map(edgeOf), ...nodes.map(boxOf));
  const box = make("div", {}, make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Holders" }, picture));
  if (leftOut) box.append(make("p", { class: "dim" }, `${counted(leftOut, "path")} left out of the picture: filter to see others.`));
  box.append(findings.length === 1 ? holdersText(findings) : later("As text", {}, () => holdersText(findings)));
  return box;
}

function holdersText(findings) {
  const list = make("ul", { class: "held" });
  const most = 5 * MOST_PATHS;
  let number = 0;
  for (const finding of findings) {
    for (const [verdict, path, advice] of finding.held || []) {
      number += 1;
      if (number > most) continue;
      list.append(make("li", {}, make("strong", {}, value(text(verdict))), ": ", value(path.map(text).join(" → ")),
        findings.length > 1 ? ` → ${subject(finding)}` : "", text(advice) ? make("span", { class: "dim" }, ` (${text(advice)})`) : ""));
    }
  }
  if (number > most) list.append(make("li", {}, `${counted(number - most, "more path")}: filter to see them.`));
  return list;
}

function showHolders() {
  const held = state.matching.map((index) => data.findings[index]).filter((finding) => finding.held);
  const without = "Of none of these findings is it known who holds the object. It is looked for where it was asked for, and only of objects that are alive.";
  byId("holders").replaceChildren(make("h2", {}, "Who holds the resources"),
    held.length ? make("p", { class: "dim" }, `${counted(held.length, "group")} of findings with holders; the arrows go from the one that holds to what it holds.`)
      : make("p", {}, without),
    held.length ? holdersOf(held) : "");
}
