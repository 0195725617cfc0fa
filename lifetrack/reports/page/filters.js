// The filters: which findings are shown, in the order of the report.
const NONE = "-1";
const MOST = 500;
const FACETS = [
  { id: "by-rule", all: "all rules", of: (finding) => [finding.rule], words: (key) => `${key} ${data.rules[key].name}` },
  { id: "by-certainty", all: "all", of: (finding) => [finding.certainty], words: (key) => key },
  { id: "by-type", all: "all types", of: (finding) => [finding.type], words: text },
  { id: "by-test", all: "all tests", of: (finding) => [finding.test ?? -1], words: text, none: "(no test)" },
  { id: "by-owner", all: "all owners", of: (finding) => [finding.owner], words: text },
  { id: "by-thread", all: "all threads", of: threadsOf, words: text, none: "(not recorded)" },
];

const state = { matching: [], listeners: [] };

function countFacet(facet) {
  const counts = new Map();
  for (const finding of data.findings) for (const key of facet.of(finding)) counts.set(key, (counts.get(key) || 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1]);
}

function fillFacet(facet) {
  const select = byId(facet.id);
  const counts = countFacet(facet);
  select.append(make("option", { value: "" }, facet.all));
  for (const [key, count] of counts.slice(0, MOST)) {
    const named = String(key) === NONE ? facet.none || "(none)" : cut(facet.words(key), 90);
    select.append(make("option", { value: key }, `${named} (${count.toLocaleString("en")})`));
  }
  if (counts.length > MOST)
    select.append(make("option", { disabled: true }, `… ${(counts.length - MOST).toLocaleString("en")} more: search for them`));
  select.disabled = counts.length < 2;
}

function chosen() {
  const found = FACETS.map((facet) => [facet, byId(facet.id).value]);
  return found.filter(([, key]) => key !== "");
}

function filterNow() {
  const terms = byId("search").value.toLowerCase().split(/\s+/).filter((term) => term !== "");
  const facets = chosen();
  const matching = [];
  data.findings.forEach((finding, index) => {
    for (const [facet, key] of facets) {
      let has = false;
      for (const each of facet.of(finding)) has = has || String(each) === key;
      if (!has) return;
    }
    if (terms.length && !terms.every((term) => words(index).includes(term))) return;
    matching.push(index);
  });
  state.matching = matching;
  const all = data.findings.length;
  const some = terms.length || facets.length;
  byId("matching").textContent = some
    ? `${matching.length.toLocaleString("en")} of ${counted(all, "group")} of findings shown`
    : `${counted(all, "group")} of findings, worst first`;
  remember();
  for (const listener of state.listeners) listener();
}

// The filters stand in the address, so that a view can be kept or sent.
function remember() {
  const kept = new URLSearchParams();
  if (byId("search").value) kept.set("search", byId("search").value);
  for (const [facet, key] of chosen()) kept.set(facet.id, facet.words === text ? text(Number(key)) : key);
  try {
    history.replaceState(null, "", kept.size ? `#${kept}` : location.pathname + location.search);
  } catch {
    // Some viewers have no address.
  }
}

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  byId("search").value = kept.get("search") || "";
  for (const facet of FACETS) {
    const wanted = kept.get(facet.id);
    if (wanted === null) continue;
    const option = [...byId(facet.id).options].find((each) =>
      each.value !== "" && (facet.words === text ? text(Number(each.value)) : each.value) === wanted);
    if (option) byId(facet.id).value = option.value;
  }
}

function startFilters() {
  FACETS.forEach(fillFacet);
  recall();
  let waiting = 0;
  byId("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filterNow, 120);
  });
  for (const facet of FACETS) byId(facet.id).addEventListener("change", filterNow);
  byId("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    filterNow();
  });
  byId("filters").addEventListener("reset", () => setTimeout(filterNow, 0));
  filterNow();
}
