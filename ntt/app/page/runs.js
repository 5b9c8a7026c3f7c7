// Finished runs: their figures, and their pictures with a filter.

import { get } from "./server.js";

const element = (id) => document.getElementById(id);
let open = null;

export async function showRuns() {
  const { runs } = await get("/api/runs");
  const items = runs.map((run) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const ap = ["bbox", "segm"].filter((kind) => run[kind]?.AP !== undefined).map((kind) => `${kind} AP ${percent(run[kind].AP)}`);
    button.textContent = [run.name, ...ap].join(", ");
    button.addEventListener("click", () => showRun(run.id));
    item.append(button);
    return item;
  });
  element("run-list").replaceChildren(...items);
  if (!runs.length) element("run-list").append(Object.assign(document.createElement("li"), { textContent: "There is none in that folder." }));
}

const percent = (share) => (share < 0 ? "none" : (100 * share).toFixed(1));

async function showRun(id) {
  open = await get(`/api/runs/${id}`);
  element("run-name").textContent = open.name;
  element("figures").replaceChildren(...table(open.metrics));
  showGallery();
}

function table(metrics) {
  const kinds = ["bbox", "segm"].filter((kind) => metrics[kind]);
  if (!kinds.length) return [Object.assign(document.createElement("p"), { textContent: "This run had no ground truth." })];
  const made = document.createElement("table");
  const names = Object.keys(metrics[kinds[0]]).filter((name) => typeof metrics[kinds[0]][name] === "number");
  const head = made.createTHead().insertRow();
  for (const name of ["percent", ...names]) head.append(Object.assign(document.createElement("th"), { textContent: name, scope: "col" }));
  const body = made.createTBody();
  for (const kind of kinds) {
    const row = body.insertRow();
    row.append(Object.assign(document.createElement("th"), { textContent: kind, scope: "row" }));
    for (const name of names) row.insertCell().textContent = percent(metrics[kind][name]);
  }
  return [made];
}

function showGallery() {
  if (!open) return;
  const wanted = element("filter").value.toLowerCase();
  const items = open.pictures
    .filter((name) => name.toLowerCase().includes(wanted))
    .map((name) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = `/api/runs/${open.id}/pictures/${name.split("/").map(encodeURIComponent).join("/")}`;
      const image = document.createElement("img");
      image.loading = "lazy";
      image.alt = "";
      image.src = link.href;
      link.append(image, name);
      item.append(link);
      return item;
    });
  element("gallery").replaceChildren(...items);
}

element("filter").addEventListener("input", showGallery);
