// Tabs, colours, and the start.
const TABS = ["findings", "lifetimes", "holders", "totals"];
const VIEWS = { lifetimes: showLifetimes, holders: showHolders, totals: showTotals };

function openTab(name) {
  for (const each of TABS) {
    byId(each).hidden = each !== name;
    byId(`tab-${each}`).setAttribute("aria-selected", String(each === name));
    byId(`tab-${each}`).tabIndex = each === name ? 0 : -1;
  }
  if (VIEWS[name]) VIEWS[name]();
}

const openNow = () => TABS.find((name) => !byId(name).hidden);

function startTabs() {
  byId("tabs").addEventListener("click", (event) => {
    if (event.target.role === "tab" || event.target.getAttribute("role") === "tab") openTab(event.target.id.slice(4));
  });
  byId("tabs").addEventListener("keydown", (event) => {
    const now = TABS.indexOf(openNow());
    const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: TABS.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const name = TABS[(next + TABS.length) % TABS.length];
    openTab(name);
    byId(`tab-${name}`).focus();
  });
}

function startColours() {
  byId("theme").value = "auto";
  byId("theme").addEventListener("change", () => document.documentElement.setAttribute("data-theme", byId("theme").value));
}

startList();
state.listeners.push(() => VIEWS[openNow()] && VIEWS[openNow()]());
startTabs();
startColours();
startFilters();
document.documentElement.dataset.ready = "yes";
