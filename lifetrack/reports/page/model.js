// The data of the page, and how its numbers are read: -1 stands for none.
const data = JSON.parse(document.getElementById("data").textContent);
const text = (number) => (number === undefined || number < 0 ? "" : data.texts[number]);

function place(number) {
  if (number < 0) return null;
  const [file, line, func, code, whole, foreign] = data.sites[number];
  return { file: text(file), line, func: text(func), code: text(code), whole: text(whole), foreign: foreign === 1 };
}

function placeWords(number) {
  const at = place(number);
  return at === null ? "not located" : `${at.file}:${at.line} in ${at.func}`;
}

const frames = (number) => (number < 0 ? [] : data.stacks[number].map(place));
const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

function subject(finding) {
  const count = finding.count === undefined ? "" : `${finding.count} × `;
  const label = text(finding.label);
  return `${count}${text(finding.type)}${label ? ` '${label}'` : ""}`;
}

const ruleWords = (finding) => `${finding.rule} ${data.rules[finding.rule].name}`;

function threadsOf(finding) {
  return new Set(finding.events.map((event) => event[2]));
}

// Everything of a finding that can be searched for, in small letters; made when it is first asked for.
const searchable = new Array(data.findings.length);
function words(index) {
  if (searchable[index] === undefined) searchable[index] = allWords(data.findings[index]).join("\n").toLowerCase();
  return searchable[index];
}

function allWords(finding) {
  const found = [ruleWords(finding), finding.certainty, finding.fingerprint, placeWords(finding.site), subject(finding)];
  for (const name of ["message", "test", "scope", "owner", "hint", "allowed", "apart"]) found.push(text(finding[name]));
  for (const event of finding.events) {
    found.push(text(event[0]), text(event[2]), text(event[3]), text(event[6]));
    if (event[5] >= 0) found.push(placeWords(data.stacks[event[5]][0]));
  }
  for (const [verdict, path] of finding.held || []) found.push(text(verdict), ...path.map(text));
  for (const process of finding.processes || []) found.push(text(process));
  for (const child of finding.children || []) found.push(...allWords(child));
  return found;
}

function seconds(time) {
  if (time === null) return "time not recorded";
  if (Math.abs(time) >= 100) return `${time.toFixed(1)} s`;
  return Math.abs(time) >= 0.1 || time === 0 ? `${time.toFixed(3)} s` : `${(time * 1000).toFixed(3)} ms`;
}
