// The chart of lifetimes: a lane for each owner, a bar for each resource in its hands, an arrow for each transfer.
const MOST_BARS = 1000;
const MOST_ROWS = 40;
const ROW = 18;
const AXIS = 26;
const chart = { zoom: 1, all: true, bars: [], at: 0 };

function barsShown() {
  const filtered = state.matching.length < data.findings.length;
  const matching = new Set(state.matching);
  const wanted = data.lanes.bars.filter((bar) => (bar[7] >= 0 ? matching.has(bar[7]) : chart.all && !filtered));
  const found = wanted.slice(0, MOST_BARS).map(([lane, resource, start, end, turn, handed, open, finding]) =>
    ({ lane, resource, start, end, turn, handed, open, finding }));
  return { bars: found, leftOut: wanted.length - found.length };
}

// Bars of one lane that overlap go to rows of their own; beyond a number of rows they share the last one.
function arrange(bars) {
  const lanes = new Map();
  for (const bar of bars) {
    if (!lanes.has(bar.lane)) lanes.set(bar.lane, { number: bar.lane, ends: [], bars: [] });
    const lane = lanes.get(bar.lane);
    let row = lane.ends.findIndex((end) => end <= bar.start);
    if (row < 0) row = Math.min(lane.ends.length, MOST_ROWS - 1);
    lane.ends[row] = Math.max(lane.ends[row] || 0, bar.end);
    bar.row = row;
    lane.bars.push(bar);
  }
  const ordered = [...lanes.values()].sort((one, other) => one.number - other.number);
  let top = AXIS;
  for (const lane of ordered) {
    lane.top = top;
    lane.height = Math.max(1, lane.ends.length) * ROW + 8;
    top += lane.height;
    for (const bar of lane.bars) bar.y = lane.top + 4 + bar.row * ROW;
  }
  return { lanes: ordered, height: top + 4 };
}

function barWords(bar) {
  const [type, label, site, lived, thread] = data.lanes.resources[bar.resource];
  const named = text(type) + (text(label) ? ` '${text(label)}'` : "");
  const finding = bar.finding >= 0 ? `; ${ruleWords(data.findings[bar.finding])}` : "";
  const until = bar.handed ? `handed on at ${seconds(bar.end)}` : bar.open ? `${text(lived)}, no release recorded` : `released at ${seconds(bar.end)}`;
  const how = bar.turn ? "received" : "acquired";
  return `${named}, ${laneWords(bar.lane)}: ${how} at ${seconds(bar.start)}, ${until}; acquired at ${placeWords(site)}${text(thread) ? ` in thread ${text(thread)}` : ""}${finding}`;
}

function laneWords(number) {
  const [pid, owner] = data.lanes.lanes[number];
  return data.processes.length > 1 ? `${text(owner)} in process ${pid}` : text(owner);
}

function ticks(end, width) {
  const raw = end / Math.max(2, Math.floor(width / 110));
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw);
  const found = [];
  for (let number = 0; number * step <= end * 1.0001; number += 1) found.push(number * step);
  return found;
}

function picture() {
  const { bars, leftOut } = barsShown();
  const { lanes, height } = arrange(bars);
  const end = data.lanes.end || 1e-6;
  const width = Math.max(400, (byId("lifetimes").clientWidth || 1000) - 240) * chart.zoom;
  const x = (time) => 6 + (time / end) * (width - 24);
  const names = draw("svg", { "aria-hidden": "true", width: 400, height }, ...lanes.map((lane) =>
    draw("g", {}, draw("title", {}, laneWords(lane.number)), draw("text", { x: 6, y: lane.top + 18 }, cut(laneWords(lane.number), 32)))));
  const svg = draw("svg", { role: "group", "aria-label": `Chart of lifetimes: ${counted(lanes.length, "lane")}, ${counted(bars.length, "bar")}. Arrow keys go from bar to bar, Enter opens its finding.`, width, height, class: "lanes" });
  lanes.forEach((lane, index) => index % 2 || svg.append(draw("rect", { class: "stripe", x: 0, y: lane.top, width, height: lane.height })));
  for (const time of ticks(end, width))
    svg.append(draw("line", { class: "grid", x1: x(time), x2: x(time), y1: AXIS - 6, y2: height }), draw("text", { class: "tick", x: x(time) + 2, y: 14 }, seconds(time)));
  bars.forEach((bar, index) => svg.append(barOf(bar, index, x)));
  svg.append(...arrows(bars, x));
  chart.bars = bars;
  svg.addEventListener("keydown", steer);
  return { names, svg, leftOut, bars };
}

function barOf(bar, index, x) {
  const certainty = bar.finding >= 0 && data.findings[bar.finding].allowed === undefined ? data.findings[bar.finding].certainty : "";
  const width = Math.max(3, x(bar.end) - x(bar.start));
  const node = draw("rect", { class: `bar ${certainty} ${bar.open ? "open" : ""}`, x: x(bar.start), y: bar.y, width, height: ROW - 5, rx: 2,
    role: bar.finding >= 0 ? "button" : "img", tabindex: index === 0 ? 0 : -1, "data-bar": index, "aria-label": barWords(bar) });
  node.append(draw("title", {}, barWords(bar)));
  node.addEventListener("focus", () => tell(index));
  node.addEventListener("click", () => tell(index));
  node.addEventListener("dblclick", () => bar.finding >= 0 && showFinding(bar.finding));
  return node;
}

function arrows(bars, x) {
  const turns = new Map();
  for (const bar of bars) turns.set(`${bar.resource} ${bar.turn}`, bar);
  const found = [];
  for (const bar of bars) {
    const next = turns.get(`${bar.resource} ${bar.turn + 1}`);
    if (!next) continue;
    const [x1, y1, x2, y2] = [x(bar.end), bar.y + 6, x(next.start), next.y + 6];
    const bend = x1 === x2 ? 12 : (x2 - x1) / 2;
    found.push(draw("g", { class: "moved" },
      draw("path", { class: "transfer", d: `M${x1},${y1} C${x1 + bend},${y1} ${x1 + bend},${y2} ${x2},${y2}` }),
      draw("path", { class: "tip", d: `M${x2},${y2} l-6,-4 v8 z` })));
  }
  return found;
}

function tell(index) {
  chart.at = index;
  const bar = chart.bars[index];
  for (const node of byId("lifetimes").querySelectorAll(".bar")) node.setAttribute("tabindex", node.dataset.bar === String(index) ? 0 : -1);
  byId("told").replaceChildren(value(barWords(bar)), " ",
    bar.finding >= 0 ? make("button", { type: "button", click: () => showFinding(bar.finding) }, "Open its finding") : "");
}

function steer(event) {
  const bar = chart.bars[chart.at];
  const moves = { ArrowRight: chart.at + 1, ArrowLeft: chart.at - 1, Home: 0, End: chart.bars.length - 1 };
  if (event.key === "ArrowDown") moves.ArrowDown = chart.bars.findIndex((each) => each.y > bar.y && each.end >= bar.start);
  if (event.key === "ArrowUp") moves.ArrowUp = chart.bars.findLastIndex((each) => each.y < bar.y && each.end >= bar.start);
  if (event.key === "Enter" && bar.finding >= 0) showFinding(bar.finding);
  const next = byId("lifetimes").querySelector(`[data-bar="${moves[event.key]}"]`);
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

function lanesTable(bars) {
  const most = 300;
  const rows = bars.slice(0, most).map((bar) => {
    const [type, label, site] = data.lanes.resources[bar.resource];
    return [value(laneWords(bar.lane)), value(text(type) + (text(label) ? ` '${text(label)}'` : "")), value(placeWords(site)), seconds(bar.start),
      bar.open ? "not recorded" : seconds(bar.end), bar.handed ? "handed on" : bar.open ? "open" : "released"];
  });
  const more = bars.length > rows.length ? `; ${(bars.length - rows.length).toLocaleString("en")} more left out` : "";
  return table(`Each owner of each resource, in order of time${more}`,
    [["Owner"], ["Resource"], ["Acquired at"], ["From", true], ["To", true], ["Then"]], rows);
}

function notesOf(leftOut) {
  const notes = [];
  if (leftOut) notes.push(`${counted(leftOut, "bar")} left out of the chart: filter to see others.`);
  if (data.lanes.leftOut) notes.push(`${counted(data.lanes.leftOut, "resource")} of which the report does not tell the lifetime, for want of room.`);
  if (data.lanes.withoutTime) notes.push(`${counted(data.lanes.withoutTime, "group")} of findings without times: they are recorded at the levels stacks and full.`);
  return notes.map((note) => make("p", { class: "dim" }, note));
}

function showLifetimes() {
  const zoom = (factor) => () => {
    chart.zoom = Math.min(64, Math.max(1, chart.zoom * factor));
    showLifetimes();
  };
  const { names, svg, leftOut, bars } = picture();
  chart.at = 0;
  const well = make("input", { type: "checkbox", checked: chart.all, change: (event) => {
    chart.all = event.target.checked;
    showLifetimes();
  } });
  byId("lifetimes").replaceChildren(
    make("h2", {}, "Lifetimes by owner"),
    make("p", { class: "dim" }, "A lane for each owner, a bar for each resource while it owned it, an arrow for each transfer; a dashed bar has no recorded end. Time runs from the start of tracking."),
    make("p", { class: "tools" }, make("button", { type: "button", click: zoom(2) }, "Zoom in"), make("button", { type: "button", click: zoom(0.5) }, "Zoom out"),
      make("label", {}, well, " also those without a finding")),
    bars.length ? make("div", { class: "scroll chart" }, make("div", { class: "names" }, names), make("div", { class: "time", role: "group", "aria-label": "Chart" }, svg))
      : make("p", {}, "There is no lifetime to show."),
    make("p", { id: "told", "aria-live": "polite" }),
    ...notesOf(leftOut),
    bars.length ? later("As a table", {}, () => lanesTable(bars)) : "");
}
