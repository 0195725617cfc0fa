// The list of findings: rows in pieces of a hundred, and what stands in a row only once it is opened.
const PIECE = 100;
const SHORT_STACK = 6;
const APART = { known: "accepted by the baseline", "third-party": "in an installed package, without any code of yours" };
let shown = 0;

function row(index) {
  const finding = data.findings[index];
  const allowed = finding.allowed !== undefined;
  const kind = allowed ? "allowed" : finding.certainty;
  const belongs = text(finding.test) || (text(finding.scope) ? `scope '${text(finding.scope)}'` : text(finding.owner));
  const title = make("span", {},
    make("span", { class: "what" },
      make("span", { class: `badge ${kind}` }, allowed ? "allowed" : finding.certainty),
      text(finding.apart) ? make("span", { class: "badge allowed" }, text(finding.apart)) : "",
      `${ruleWords(finding)}: `, value(subject(finding))),
    make("span", { class: "where" }, value(placeWords(finding.site), { class: "value place" }), " · ", value(belongs)));
  return make("li", { class: kind, id: `finding-${index}` }, later(title, {}, () => detail(finding)));
}

function detail(finding) {
  const box = make("div", { class: "detail" }, make("p", { class: "message" }, value(text(finding.message))));
  if (text(finding.hint)) box.append(make("p", {}, "Hint: ", value(text(finding.hint))));
  box.append(facts(finding));
  for (const [title, words, code] of finding.notes || [])
    box.append(make("h3", {}, text(title)), make("p", {}, value(text(words))), code < 0 ? "" : make("pre", {}, text(code)));
  box.append(make("h3", {}, "What happened"), story(finding));
  if (finding.held) box.append(make("h3", {}, "What holds it"), holdersOf([finding]));
  if (finding.children) {
    box.append(make("h3", {}, "What depends on it"));
    box.append(make("ul", {}, ...finding.children.map((child) =>
      make("li", {}, later(`${ruleWords(child)}: ${subject(child)} from ${placeWords(child.site)}`, {}, () => detail(child))))));
  }
  const rule = data.rules[finding.rule];
  box.append(later(`About ${ruleWords(finding)}`, {}, () => make("p", {}, `${rule.meaning} ${rule.mend}`)));
  return box;
}

function facts(finding) {
  const list = make("dl");
  const tell = (name, words) => words && list.append(make("dt", {}, name), make("dd", {}, value(words)));
  const several = finding.count !== undefined;
  tell("Acquired at", placeWords(finding.site));
  tell(several ? "Last owner of the first" : "Last owner", text(finding.owner));
  tell("Test", text(finding.test));
  tell("Scope", text(finding.scope));
  tell("Processes", (finding.processes || []).map(text).join(", "));
  tell("Allowed because", text(finding.allowed));
  tell("Shown apart", APART[text(finding.apart)]);
  tell("It ended", text(finding.ended));
  if (finding.left) tell("Left by", `${text(finding.left[0])} at ${placeWords(finding.left[1])}`);
  tell("Number in its process", String(finding.serial));
  tell("Fingerprint", finding.fingerprint);
  return list;
}

function story(finding) {
  const list = make("ol", { class: "history" });
  for (const [event, time, thread, task, pid, stack, more] of finding.events) {
    const around = [time === null ? "" : seconds(time), text(thread) && `thread ${text(thread)}`, text(task) && `task ${text(task)}`];
    if (pid !== data.processes[0][0]) around.push(`process ${pid}`);
    const item = make("li", {}, make("span", { class: "event" }, value(text(event))), " ", value(text(more)), " ",
      make("span", { class: "dim" }, around.filter(Boolean).join(", ")));
    const all = frames(stack);
    if (all.length) item.append(stackOf(all.slice(0, SHORT_STACK)));
    if (all.length > SHORT_STACK)
      item.append(later(`${counted(all.length - SHORT_STACK, "more frame")}`, {}, () => stackOf(all.slice(SHORT_STACK))));
    list.append(item);
  }
  if (!finding.events.length) list.append(make("li", {}, "Nothing was recorded of it."));
  return list;
}

function stackOf(all) {
  return make("ul", { class: "stack" }, ...all.map((at) =>
    make("li", { class: at.foreign ? "library" : null },
      value(`${at.file}:${at.line} in ${at.func}`, { class: "value place", title: at.whole }), at.code ? make("code", {}, value(at.code)) : "")));
}

function moreRows() {
  const next = state.matching.slice(shown, shown + PIECE);
  byId("list").append(...next.map(row));
  shown += next.length;
  const left = state.matching.length - shown;
  byId("more").hidden = left === 0;
  byId("more").textContent = `Show ${Math.min(left, PIECE)} more of ${left.toLocaleString("en")}`;
}

function listFindings() {
  byId("list").replaceChildren();
  shown = 0;
  moreRows();
  if (!state.matching.length) byId("list").append(make("li", { class: "allowed" }, make("p", { class: "detail" },
    data.findings.length ? "No finding matches." : "There is nothing to tell: no findings.")));
}

// Go to one finding, wherever it stands in the list.
function showFinding(index) {
  if (!state.matching.includes(index)) {
    byId("filters").reset();
    filterNow();
  }
  openTab("findings");
  while (!byId(`finding-${index}`)) moreRows();
  const details = byId(`finding-${index}`).firstElementChild;
  details.open = true;
  details.scrollIntoView();
  details.firstElementChild.focus();
}

function startList() {
  byId("more").addEventListener("click", () => {
    const first = shown;
    moreRows();
    const item = byId("list").children[first];
    if (item) item.querySelector("summary").focus();
  });
  state.listeners.push(listFindings);
}
