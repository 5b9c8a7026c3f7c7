// The page: photographs, references, results. What the server says is drawn here; nothing is kept but what is in view.

import { Album } from "./album.js";
import { showRuns } from "./runs.js";
import { download, get, post, put, remove, windowName } from "./server.js";
import { Stage } from "./stage.js";

const element = (id) => document.getElementById(id);
const POLL = 1000; // milliseconds between looks while photographs are waiting

let state = { classes: [], references: [], suggested: null, formats: [] };
let results = {}; // by photograph
let choices = [];
let asked = 0; // the newest prompt: answers to older ones are dropped
let touched = false; // whether a person moved the threshold

const album = new Album(element("list"), open, soon(refresh, 100));
const stage = new Stage(element("canvas"), prompt);
stage.nextIsOutside = () => element("outside").checked;

function soon(work, wait) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => work().catch(complain), wait);
  };
}

function complain(error) {
  element("message").textContent = error.message;
  element("message").hidden = false;
}

// Do what a person asked for, and say what is wrong.
const doing = (work) => async (event) => {
  event?.preventDefault?.();
  element("message").hidden = true;
  try {
    await work(event);
  } catch (error) {
    complain(error);
  }
};

async function list() {
  const { photos, left_out: outside } = await get("/api/photos");
  album.show(photos);
  if (outside) complain(new Error(`${outside} links to places outside of the folder are not shown.`));
  if (!photos.length) element("hint").textContent = "Add pictures, or start `ntt app FOLDER`.";
}

async function open(photo) {
  await doing(async () => {
    await stage.open(photo);
    album.mark(photo);
    element("hint").textContent =
      `${photo.name}: click an object, or draw a box around it. Right-click, or Shift-click, where it is not.`;
    prompt();
    await refresh();
    element("canvas").focus();
  })();
}

// What clicks and boxes may mean: asked at once, shown when the answer comes.
function prompt() {
  element("undo").disabled = element("clear").disabled = stage.empty;
  choices = [];
  element("naming").hidden = true;
  asked += 1;
  if (stage.empty) return;
  const mine = asked;
  doing(async () => {
    const answer = await post("/api/prompt", { photo: stage.photo.id, ...stage.prompt });
    if (mine !== asked) return;
    choices = answer.choices;
    showChoices();
  })();
}

function showChoices() {
  const fieldset = element("choices");
  fieldset.replaceChildren(fieldset.firstElementChild);
  choices.forEach((choice, index) => {
    const label = document.createElement("label");
    const radio = document.createElement("input");
    radio.type = "radio";
    radio.name = "choice";
    radio.checked = index === 0;
    radio.addEventListener("change", () => preview(index));
    label.append(radio, ` ${index === 0 ? "suggested" : `other ${index}`} (${choice.quality.toFixed(2)})`);
    fieldset.append(label);
  });
  element("naming").hidden = false;
  preview(0);
}

function preview(index) {
  stage.preview = { rle: choices[index].rle, colour: [255, 176, 0], strong: true };
  stage.draw();
}

const chosen = () => choices[[...element("choices").querySelectorAll("input")].findIndex((one) => one.checked)];

async function refer(photo, rle, name) {
  await post("/api/references", { photo, rle, name });
  stage.reset();
  prompt();
  await refresh();
}

async function correct(body) {
  await post("/api/corrections", { photo: stage.photo.id, ...body });
  await refresh();
}

const threshold = () => Number(element("threshold").value);
const colourOf = (name) => state.classes.find((one) => one.name === name)?.colour ?? [120, 120, 120];
const good = (result) => (result?.hits ?? []).filter((hit) => hit.score >= threshold());
const marks = (result) => good(result).map((hit) => ({ rle: hit.rle, colour: colourOf(hit.name) }));

// Ask for what is in view, and draw it.
async function refresh() {
  state = await get("/api/state");
  if (!touched && state.suggested !== null) setThreshold(state.suggested);
  const wanted = [...new Set([...(stage.photo ? [stage.photo.id] : []), ...album.inView])].slice(0, 200);
  results = state.references.length ? (await post("/api/results", { photos: wanted })).results : {};
  show();
}

function show() {
  for (const [id, result] of Object.entries(results)) album.result(id, result, marks(result));
  if (!state.references.length) for (const id of album.items.keys()) album.result(id, {}, []);
  showReferences();
  showHits();
  const shown = Object.values(results).reduce((sum, result) => sum + good(result).length, 0);
  element("total").textContent = state.references.length ? `${shown} objects in the photographs in view` : "";
  const failed = state.unreadable ? `, ${state.unreadable} cannot be read` : "";
  element("progress").textContent =
    state.fault || `${state.looked} of ${state.photos} photographs looked at${failed} (${state.networks})`;
  element("suggest").hidden = state.suggested === null;
  element("suggest").textContent = `Suggested: ${state.suggested?.toFixed(2)}`;
}

function showReferences() {
  const items = state.references.map((one) => {
    const item = document.createElement("li");
    const image = document.createElement("img");
    image.src = `/api/references/${one.id}/picture?window=${windowName}`;
    image.alt = "";
    const what = document.createElement("span");
    what.textContent = one.name;
    const out = button("Remove", `Remove this reference of ${one.name}`, async () => {
      await remove(`/api/references/${one.id}`);
      await refresh();
    });
    item.append(swatch(one.name), image, what, out);
    if (one.resembles) {
      const warning = document.createElement("span");
      warning.className = "warning";
      warning.textContent = `It resembles ${one.resembles} more than the other references of ${one.name}.`;
      item.append(warning);
    }
    return item;
  });
  element("references").replaceChildren(...items);
  const names = state.classes.map((one) => Object.assign(document.createElement("option"), { value: one.name }));
  element("names").replaceChildren(...names);
  if (element("formats").childElementCount === state.formats.length) return;
  element("formats").replaceChildren(
    ...state.formats.map((format) => {
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", value: format });
      label.append(box, ` ${format}`);
      return label;
    }),
  );
}

function showHits() {
  const result = stage.photo && results[stage.photo.id];
  const hits = good(result);
  stage.marks = marks(result);
  stage.draw();
  const items = hits.slice(0, 50).map((hit) => {
    const item = document.createElement("li");
    const what = document.createElement("span");
    what.className = "what";
    what.textContent = hit.corrected ? `${hit.name} (yours)` : `${hit.name} ${hit.score.toFixed(2)}`;
    const strong = { rle: hit.rle, colour: colourOf(hit.name), strong: true };
    const lit = (on) => {
      if (choices.length) return;
      stage.preview = on ? strong : null;
      stage.draw();
    };
    item.addEventListener("pointerenter", () => lit(true));
    item.addEventListener("pointerleave", () => lit(false));
    item.addEventListener("focusin", () => lit(true));
    item.addEventListener("focusout", () => lit(false));
    item.append(
      swatch(hit.name),
      what,
      button("Delete", `Delete this ${hit.name}`, () => correct({ action: "delete", object: hit.object })),
      button("Rename", `Give this ${hit.name} another name`, async () => {
        const name = window.prompt("Name of the class", hit.name);
        if (name) await correct({ action: "rename", object: hit.object, name });
      }),
      button("Reference", `Use this ${hit.name} as a reference`, () => refer(stage.photo.id, hit.rle, hit.name)),
    );
    return item;
  });
  if (result?.waiting) items.push(Object.assign(document.createElement("li"), { textContent: "being looked at ..." }));
  if (hits.length > 50) {
    items.push(Object.assign(document.createElement("li"), { textContent: `and ${hits.length - 50} more: raise the threshold` }));
  }
  element("hits").replaceChildren(...items);
  element("restore").hidden = !result?.corrected;
}

function swatch(name) {
  const mark = document.createElement("span");
  mark.className = "swatch";
  mark.style.background = `rgb(${colourOf(name).join(",")})`;
  return mark;
}

function button(text, label, work) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  made.setAttribute("aria-label", label);
  made.addEventListener("click", doing(work));
  return made;
}

function setThreshold(value) {
  element("threshold").value = value;
  element("threshold-value").value = threshold().toFixed(2);
}

const formats = () => [...element("formats").querySelectorAll("input:checked")].map((one) => one.value);

element("undo").addEventListener("click", () => stage.undo());
element("clear").addEventListener("click", () => {
  stage.reset();
  prompt();
});
element("naming").addEventListener("submit", doing(() => refer(stage.photo.id, chosen().rle, element("name").value)));
element("add").addEventListener("click", doing(async () => {
  await correct({ action: "add", rle: chosen().rle, name: element("name").value });
  stage.reset();
  prompt();
  await refresh();
}));
element("restore").addEventListener("click", doing(() => correct({ action: "restore" })));
element("threshold").addEventListener("input", () => {
  touched = true;
  setThreshold(element("threshold").value);
  show();
});
element("suggest").addEventListener("click", () => {
  setThreshold(state.suggested);
  show();
});
element("export").addEventListener("submit", doing(async () => {
  await download("/api/export", "found.zip", { formats: formats(), threshold: threshold() });
}));
element("save-model").addEventListener("click", doing(() => download("/api/model", "fitted.ntt")));
element("load-model").addEventListener("change", doing(async (event) => {
  await put("/api/model", event.target.files[0]);
  event.target.value = "";
  await refresh();
}));
const drop = doing(async (files) => {
  for (const file of files) await put(`/api/photos?name=${encodeURIComponent(file.name)}`, file);
  await list();
  await refresh();
});
element("drop").addEventListener("change", (event) => drop([...event.target.files]));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop([...event.dataTransfer.files]);
});
for (const view of ["photos", "runs"]) {
  element(`show-${view}`).addEventListener("click", doing(async () => {
    for (const one of ["photos", "runs"]) {
      element(`${one}-view`).hidden = one !== view;
      element(`show-${one}`).setAttribute("aria-pressed", String(one === view));
    }
    if (view === "runs") await showRuns();
  }));
}

doing(async () => {
  await list();
  await refresh();
})();
// While photographs are waiting the page looks again and again; hidden pages keep quiet.
setInterval(() => {
  const waiting = Object.values(results).some((one) => one.waiting) || state.looked + state.unreadable < state.photos;
  if (!document.hidden && !state.fault && state.references.length && waiting) refresh().catch(complain);
}, POLL);
