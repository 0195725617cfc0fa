// The totals: types, processes, and how much the record covers.
function showTotals() {
  const box = byId("totals");
  box.replaceChildren(make("h2", {}, "Types"));
  box.append(table("Resources of each type", [["Type"], ["Acquired", true], ["Released", true], ["Live", true]],
    data.types.map(([type, ...numbers]) => [value(text(type)), ...numbers.map((number) => number.toLocaleString("en"))])));
  box.append(make("h2", {}, "Processes"));
  box.append(table("Each process of the report", [["Process", true], ["Parent", true], ["Program"], ["Python"], ["Platform"], ["Began"], ["Ended"], ["How"]],
    data.processes.map(([pid, parent, ...texts]) => [String(pid), String(parent), ...texts.map((each) => value(text(each)))])));
  box.append(make("h2", {}, "The record"), make("dl", {},
    make("dt", {}, "Level"), make("dd", {}, data.level),
    make("dt", {}, "Watched"), make("dd", {}, value(data.watched.map(text).join(", ") || "nothing but what is declared")),
    make("dt", {}, "Complete"), make("dd", {}, data.complete ? "yes" : "no: something was missed"),
    ...(data.search ? [make("dt", {}, "Search for holders"), make("dd", {}, data.search)] : []),
    make("dt", {}, "Events dropped"), make("dd", {}, data.dropped.toLocaleString("en"))));
  if (data.unseen.length) box.append(make("h2", {}, "Not seen"), table("Objects that no record is about, or not from their beginning",
    [["What"], ["Type"], ["Count", true], ["Why"]], data.unseen.map(([what, type, count, why]) => [text(what), value(text(type)), String(count), value(text(why))])));
  if (data.lasting.length) box.append(make("h2", {}, "Lives as long as the process"), table("No leaks: these are meant to last",
    [["Kind"], ["Name"], ["Why"]], data.lasting.map((each) => each.map((number) => value(text(number))))));
}
